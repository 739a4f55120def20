"""A use of every option of every command of the published client.

Words in braces are what the world of the examples has by that name.
"""

import dataclasses
import shlex
import string
from collections.abc import Callable
from typing import Any

from tests.contract.standalone import HOSTS, PAGE
from tests.contract.world import SCOPE

TOO_OLD = (
    "is not supported in API version 1.{minor}. Minimum required version is 1.{since}"
)


def _anything(_out, _world, _minor):
    return True


@dataclasses.dataclass(frozen=True)
class Use:
    """Words after a command, and what must hold for what it prints

    ``check(out, world, minor)`` tells; below the minor version ``since`` the command has
    to fail, saying ``early``. ``refused`` is what it always fails with.
    """

    words: str
    check: Callable[[Any, Any, int], bool] = _anything
    since: int = 0
    early: str = TOO_OLD
    refused: str | None = None

    def told(self, world):
        """Return the arguments"""
        text = string.Formatter().vformat(self.words, (), world)
        return shlex.split(text)


def column(name, *values):
    """Check that a list has just these values in a column"""
    return lambda out, _world, _minor: [row[name] for row in out] == list(values)


def every(name, value):
    """Check that each row of a list, and there are some, has ``value`` in a column"""
    return lambda out, _world, _minor: {row[name] for row in out} == {value}


def ordered(name, count, *, down=False):
    """Check that a list has ``count`` rows, in the order of a column"""

    def check(out, _world, _minor):
        found = [row[name] for row in out]
        return len(found) == count and found == sorted(found, reverse=down)

    return check


def shows(**wanted):
    """Check fields of one row; ``_`` stands for a space in their names"""
    fields = {name.replace("_", " "): value for name, value in wanted.items()}
    return lambda out, _world, _minor: fields.items() <= out.items()


def _all_of(*checks):
    return lambda *told: all(check(*told) for check in checks)


def _is(**names):
    """Check fields of one row against what the world has"""
    return lambda out, world, _minor: all(
        out[field] == world[name] for field, name in names.items()
    )


def _times(out, _world, minor):
    # Told in the service's zone, two hours ahead, and shown in UTC.
    wanted = ("2098-12-31T22:00:00", "2099-01-31T22:00:00")
    return minor < 1 or (out["Start Time"], out["End Time"]) == wanted


def _forced(out, _world, minor):
    return minor < 2 or out["Force"] is True


def _said(text):
    return lambda out, _world, minor: minor < 5 or out["Status Message"] == text


GOALS = {
    "goal list": [
        Use("", lambda out, _world, _minor: len(out) == PAGE),
        Use(
            "--detail --limit 5 --sort-key name --sort-dir desc",
            _all_of(
                ordered("Name", 5, down=True),
                lambda out, *_: all(
                    isinstance(row["Efficacy specification"], list) for row in out
                ),
            ),
        ),
        Use(
            "--marker {goal} --sort-key 'Display name' --sort-dir asc --limit 2",
            ordered("Display name", 2),
        ),
    ],
    "goal show": [
        Use("{goal}", _all_of(shows(Name="dummy"), _is(UUID="goal"))),
        Use("dummy", _is(UUID="goal")),
    ],
    "strategy list": [
        Use(
            "--goal dummy --detail",
            lambda out, *_: "para1" in out[0]["Parameters spec"]["properties"],
        ),
        Use("--goal {goal} --limit 1 --sort-key goal_name --sort-dir desc",
            every("Goal", "dummy")),
        Use("--marker {strategy} --sort-key name --sort-dir asc --limit 1",
            lambda out, *_: out[0]["Name"] > "dummy"),
    ],
    "strategy show": [Use("dummy", shows(Name="dummy", Goal="dummy"))],
    "strategy state": [
        Use("host_maintenance",
            column("Type", "Datasource", "Metrics", "CDM", "Name")),
    ],
    "scoringengine list": [
        Use("--detail --limit 0 --sort-key name --sort-dir asc",
            lambda out, *_: "dummy_scorer" in [row["Name"] for row in out]),
        Use("--sort-dir desc --sort-key description --limit 2",
            ordered("Description", 2, down=True)),
    ],
    "scoringengine show": [Use("dummy_scorer", shows(Name="dummy_scorer"))],
    "service list": [
        Use("--detail --limit 1 --sort-key name --sort-dir desc",
            lambda out, *_: out[0]["Last seen up"] and out[0]["Status"] == "ACTIVE"),
        Use("--sort-key host --sort-dir asc", every("Status", "ACTIVE")),
    ],
    "service show": [
        Use("watcher-applier", shows(Name="watcher-applier")),
        Use("{service}", shows(Name="watcher-applier")),
    ],
    "datamodel list": [
        Use("", lambda out, *_: len({row["Node UUID"] for row in out}) == HOSTS,
            since=3, early="Supported version range is 1.0 to 1.7"),
        Use("--type compute --detail --audit {audit}",
            lambda out, *_: 0 < len({row["Node UUID"] for row in out}) < HOSTS,
            since=3, early="Supported version range is 1.0 to 1.7"),
    ],
}  # fmt: skip

TEMPLATES = {
    "audittemplate create": [
        Use(
            "{new} dummy -s dummy -d words --scope {scope_file}",
            _all_of(
                shows(Goal="dummy", Strategy="dummy", Description="words"),
                lambda out, *_: out["Audit Scope"] == SCOPE,
            ),
        ),
        Use("{new} {goal} --strategy {strategy} --description words",
            shows(Goal="dummy", Strategy="dummy")),
        Use("{new} dummy -s dummy -p para1=2.5 --default-parameter para2=words",
            shows(Default_Parameters={"para1": 2.5, "para2": "words"}), since=7),
    ],
    "audittemplate list": [
        Use("--detail --goal dummy --strategy dummy --limit 2 --sort-key goal_name "
            "--sort-dir desc", every("Goal", "dummy")),
        Use("--marker {template} --sort-key Name --sort-dir asc --limit 1",
            lambda out, *_: not out or out[0]["Name"] > "examples"),
    ],
    "audittemplate show": [
        Use("{template}", shows(Name="examples")),
        Use("examples", _is(UUID="template")),
    ],
    "audittemplate update": [
        Use("{new_template} replace name={new} description=other",
            shows(Description="other")),
        Use("{new_template} add strategy=dummy", shows(Strategy="dummy")),
        Use("{new_template} remove description", shows(Description=None)),
    ],
    "audittemplate delete": [Use("{new_template} {new_template}")],
}  # fmt: skip

AUDITS = {
    "audit create": [
        Use("-a examples", shows(State="PENDING", Goal="dummy", Strategy="dummy")),
        Use("--audit-template {template} --name {new} -p para1=1.5 --parameter para2=b",
            shows(Parameters={"para1": 1.5, "para2": "b"})),
        Use("-g dummy -s dummy --force --auto-trigger",
            _all_of(shows(Auto_Trigger=True), _forced)),
        Use("--goal {goal} --strategy {strategy} --audit_type CONTINUOUS "
            "--interval '*/5 * * * *' --start-time '2099-01-01 00:00:00' "
            "--end-time '2099-02-01 00:00:00'",
            _all_of(shows(Interval="*/5 * * * *", Auto_Trigger=False), _times)),
        Use("-t CONTINUOUS -g dummy -i 86400", shows(Interval="86400", Strategy="auto")),
        Use("-t EVENT -g dummy", shows(Audit_Type="EVENT", State="PENDING")),
        Use("-t ONESHOT -g dummy -i 60", refused="(HTTP 400)"),
    ],
    "audit list": [
        Use("--detail --goal dummy --strategy dummy --limit 2 --sort-key strategy_name "
            "--sort-dir desc", every("Strategy", "dummy")),
        Use("--marker {audit} --sort-key State --sort-dir asc --limit 3",
            lambda out, *_: all(row["State"] >= "SUCCEEDED" for row in out)),
    ],
    "audit show": [Use("{audit}", shows(State="SUCCEEDED", Audit_Scope=SCOPE))],
    "audit update": [
        Use("{audit} add interval=2", shows(Interval="2")),
        Use("{new_event} replace state=CANCELLED name={new}", shows(State="CANCELLED")),
        Use("{audit} remove interval", shows(Interval=None)),
    ],
    "audit delete": [Use("{new_ended} {new_ended}")],
}  # fmt: skip

PLANS = {
    "actionplan list": [
        Use("--audit {audit} --detail",
            lambda out, world, _minor: out[0]["UUID"] == world.plan),
        Use("--limit 2 --sort-key audit_uuid --sort-dir desc",
            lambda out, *_: out == sorted(out, key=lambda row: row["Audit"],
                                          reverse=True)),
        Use("--marker {plan} --sort-key 'Updated At' --sort-dir asc --limit 1"),
    ],
    "actionplan show": [
        Use("{plan}", _all_of(shows(State="RECOMMENDED"), _is(Audit="audit"))),
    ],
    "actionplan start": [Use("{new_plan}", shows(State="PENDING"))],
    "actionplan cancel": [Use("{new_plan}", shows(State="CANCELLED"))],
    "actionplan update": [
        Use("{new_plan} replace state=CANCELLED", shows(State="CANCELLED")),
        Use("{new_plan} add state=CANCELLED", shows(State="CANCELLED")),
        Use("{plan} remove state", refused="(HTTP 400)"),
    ],
    "actionplan delete": [Use("{new_plan} {new_plan}")],
    "action list": [
        Use("--action-plan {plan} --detail --limit 3 --sort-key action_type "
            "--sort-dir desc", column("Action", "sleep", "nop", "nop")),
        Use("--audit {audit} --sort-dir asc --sort-key State",
            lambda out, world, _minor: {row["Action Plan"] for row in out}
            == {world.plan}),
        Use("--marker {action} --limit 1",
            lambda out, world, _minor: out[0]["UUID"] != world.action),
    ],
    "action show": [Use("{action}", shows(State="PENDING"))],
    "action update": [
        Use("{new_action} --state SKIPPED",
            _all_of(shows(State="SKIPPED"), _said("Action skipped by user.")), since=5),
        Use("{new_action} --state SKIPPED --reason 'no need'",
            _said("Action skipped by user. Reason: no need"), since=5),
        Use("{new_skipped} --reason later",
            _said("Action skipped by user. Reason: later"), since=5),
    ],
}  # fmt: skip

USES = {**GOALS, **TEMPLATES, **AUDITS, **PLANS}
