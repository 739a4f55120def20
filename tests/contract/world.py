"""What the examples of commands talk about: rows that are there, and new ones."""

import itertools
import json

from tests.contract.standalone import until

SCOPE = [{"compute": [{"availability_zones": [{"name": "az1"}]}]}]

# A plan that takes a second; those that examples start are carried out while others wait.
SHORT = {"goal": "dummy", "strategy": "dummy", "parameters": {"para1": 1.0}}


class World:
    """Rows in the service, by the names that stand in examples

    ``new_...`` makes a row at every look, so that no example meets what another one left.
    """

    def __init__(self, client, folder):
        self.client = client
        self._numbers = itertools.count()
        self.goal = client.goal.get("dummy").uuid
        self.strategy = client.strategy.get("dummy").uuid
        self.service = str(client.service.get("watcher-applier").id)
        made = client.audit_template.create(
            name="examples", goal="dummy", strategy="dummy", scope=SCOPE
        )
        self.template = made.uuid
        self.audit, self.plan = self._planned(audit_template_uuid=made.uuid)
        self.action = client.action.list(action_plan=self.plan)[0].uuid
        self.scope_file = str(folder / "scope.json")
        (folder / "scope.json").write_text(json.dumps(SCOPE))
        self._unbegun = []

    def __getitem__(self, name):
        return getattr(self, name)

    @property
    def new(self):
        """A name that nothing has"""
        return f"example-{next(self._numbers)}"

    @property
    def new_template(self):
        return self.client.audit_template.create(
            name=self.new, goal="dummy", description="words"
        ).uuid

    @property
    def new_event(self):
        """An EVENT audit, which waits for ever"""
        return self.client.audit.create(audit_type="EVENT", goal="dummy").uuid

    @property
    def new_ended(self):
        """A cancelled audit"""
        uuid = self.new_event
        change = {"op": "replace", "path": "/state", "value": "CANCELLED"}
        self.client.audit.update(uuid, [change])
        return uuid

    @property
    def new_plan(self):
        """A recommended plan"""
        return self._planned(**SHORT)[1]

    @property
    def new_action(self):
        """An action that waits, of a plan that has not begun"""
        if not self._unbegun:
            found = self.client.action.list(action_plan=self.new_plan)
            self._unbegun = [action.uuid for action in found]
        return self._unbegun.pop()

    @property
    def new_skipped(self):
        """A skipped action, of a plan that has not begun"""
        uuid = self.new_action
        change = {"op": "replace", "path": "/state", "value": "SKIPPED"}
        self.client.action.update(uuid, [change])
        return uuid

    def _planned(self, **aim):
        # Forced: plans that examples started are carried out meanwhile.
        made = self.client.audit.create(audit_type="ONESHOT", force=True, **aim)
        until(self.client.audit.get, made.uuid, ("SUCCEEDED",))
        (plan,) = self.client.action_plan.list(audit=made.uuid)
        return made.uuid, plan.uuid
