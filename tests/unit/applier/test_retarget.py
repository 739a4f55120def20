"""Another target for a server whose move failed: by the rules, inside the scope."""

import types

import pytest

from watcher import exception
from watcher.applier.actions.targets import NoTargets, Wish
from watcher.applier.retarget import Retargets, choose
from watcher.applier.signals import Left, Signals
from watcher.domain.records import Action


def wish(*tried, server="a", live=True):
    return Wish(server=server, source="h1", tried=tried or ("h2",), live=live)


def moving(server, source, target, state="PENDING", plan=1, **more):
    given = {
        "resource_id": server, "source_node": source, "destination_node": target,
        "migration_type": "live",
    }  # fmt: skip
    return Action(
        id=1, uuid=f"of-{server}", action_plan_id=plan, action_type="migrate",
        input_parameters={**given, **more}, state=state,
    )  # fmt: skip


def closing(host, plan=1):
    given = {"resource_id": host, "resource_name": host, "state": "disabled"}
    return Action(
        id=2, uuid=f"close-{host}", action_plan_id=plan, state="PENDING",
        action_type="change_nova_service_state", input_parameters=given,
    )  # fmt: skip


@pytest.fixture
def four(cloud):
    """A server on h1; h3 is fuller than h4"""
    for host in ("h1", "h2", "h3", "h4"):
        cloud.node(host)
    return cloud.server("a", "h1").server("x", "h3", vcpus=2)


def chosen(cloud, *others, **more):
    return choose(cloud.model, wish(**more), others)


def test_the_emptiest_host_comes_first_and_the_tried_one_never(four):
    assert chosen(four) == ["h4", "h3"]
    assert choose(four.model, wish("h2", "h4"), []) == ["h3"]


@pytest.mark.parametrize(
    "trouble",
    [
        {"state": "error"},
        {"locked": True},
        {"state": "paused"},
        {"task_state": "rebooting"},
    ],
)
def test_a_failure_that_is_the_servers_own_has_no_other_target(four, trouble):
    four.server("a", "h1", **trouble)
    assert chosen(four) == []


def test_a_server_that_is_gone_or_elsewhere_has_none(four):
    four.server("a", "h2")
    assert chosen(four) == []
    four.servers_by_name.pop("a")
    assert chosen(four) == []


def test_a_stopped_server_may_be_moved_cold(four):
    four.server("a", "h1", state="stopped")
    assert chosen(four) == []
    assert chosen(four, live=False) == ["h4", "h3"]


def test_rules_are_kept(four):
    four.node("h3", status="disabled").server("b", "h4").group(
        "anti-affinity", "a", "b"
    )
    assert chosen(four) == []


def test_what_other_moves_were_promised_is_taken(four):
    four.node("h3", vcpus=3).node("h4", vcpus=1).node("h5")
    four.server("y", "h5")
    assert chosen(four) == ["h5", "h3", "h4"]
    assert chosen(four, moving("y", "h5", "h4")) == ["h3"]
    # One that is under way has its place in the model already.
    four.node("h4", vcpus=2).migration("y", "h4")
    assert chosen(four, moving("y", "h5", "h4", "ONGOING")) == ["h3", "h4"]


def test_nothing_goes_where_others_leave(four):
    assert chosen(four, moving("x", "h3", "h2")) == ["h4"]
    assert chosen(four, closing("h4")) == ["h3"]


class Book:
    """A plan's rows"""

    def __init__(self, actions=(), undoes=None, scope=()):
        self.plan = types.SimpleNamespace(audit_id=1, undoes=undoes)
        self.rows = list(actions)
        self.scope = list(scope)
        self.reads = 0

    def read(self, fn, *args, **kwargs):
        if fn.__name__ == "get":
            return types.SimpleNamespace(scope=self.scope)
        self.reads += 1
        return self.rows


class Models:
    def __init__(self, cloud):
        self.cloud = cloud
        self.asked = []
        self.error = None

    def scoped(self, name, document, max_age_s, followed_s):
        self.asked.append((name, document, max_age_s))
        if self.error:
            raise self.error
        return self.cloud.model


class Admission:
    """Says no as often as told"""

    def __init__(self, *refusals):
        self.refusals = list(refusals)
        self.asked = []

    def redirect(self, book, action):
        self.asked.append(action.input_parameters["destination_node"])
        return self.refusals.pop(0) if self.refusals else None


def driven(steps, signals=None, after=None):
    """Go through the pauses without waiting; ``after`` cancels at that pause"""
    pauses = []
    while True:
        try:
            pauses.append(next(steps).seconds)
        except StopIteration as end:
            return end.value, pauses
        if after is not None and len(pauses) >= after:
            signals.cancel()


ROW = moving("a", "h1", "h2", "ONGOING")


def chooser(cloud, book=None, retries=1, signals=None, **more):
    shared = Retargets(Models(cloud), retries=lambda: retries, **more)
    return shared, shared.of(book or Book([ROW]), ROW, signals or Signals())


def test_an_action_is_told_another_target(four):
    shared, targets = chooser(four, Book([ROW], scope=["s"]))
    assert driven(targets.other(wish()))[0] == "h4"
    assert shared._models.asked == [("compute", ["s"], 0.0)]


def test_the_scope_of_the_audit_bounds_the_choice(four):
    """An empty one means what the operator says"""
    shared, targets = chooser(four, default_scope=["d"])
    driven(targets.other(wish()))
    assert shared._models.asked[0][1] == ["d"]


def test_there_is_a_limit(four):
    _shared, targets = chooser(four, retries=1)
    assert driven(targets.other(wish("h2", "h4")))[0] is None
    _shared, targets = chooser(four, retries=0)
    assert driven(targets.other(wish()))[0] is None
    _shared, targets = chooser(four, retries=2)
    assert driven(targets.other(wish("h2", "h4")))[0] == "h3"


def test_what_takes_back_and_what_moves_nothing_is_not_sent_elsewhere(four):
    shared, _targets = chooser(four)
    assert isinstance(shared.of(Book(undoes="p"), ROW, Signals()), NoTargets)
    assert isinstance(shared.of(Book(), closing("h1"), Signals()), NoTargets)


def test_a_host_that_this_plan_has_emptied_is_not_filled_again(four):
    left = moving("gone", "h4", "h2", "SUCCEEDED")
    _shared, targets = chooser(four, Book([ROW, left]))
    assert driven(targets.other(wish()))[0] == "h3"
    _shared, targets = chooser(
        four, Book([ROW, moving("g", "h4", "h2", "SUCCEEDED", 2)])
    )
    assert driven(targets.other(wish()))[0] == "h4", "another plan's is another matter"


def test_two_that_ask_at_once_do_not_get_the_same_place(four):
    four.node("h4", vcpus=1).node("h3", vcpus=2).server("b", "h1")
    other = moving("b", "h1", "h2", "ONGOING")
    book = Book([ROW, other])
    shared, first = chooser(four, book)
    second = shared.of(book, other, Signals())
    four.node("h5", vcpus=1)
    assert driven(first.other(wish()))[0] == "h4"
    assert driven(second.other(wish(server="b")))[0] == "h5"
    assert book.reads == 1, "rows are read for all who ask"


def test_a_place_on_the_target_is_asked_for_and_waited_for(four):
    door = Admission("full", "full")
    _shared, targets = chooser(four, admission=door)
    host, pauses = driven(targets.other(wish()))
    assert (host, door.asked) == ("h4", ["h4", "h3", "h4"])
    assert pauses[-1] == 3.0


def test_waiting_for_a_place_ends(four):
    _shared, targets = chooser(four, admission=Admission(*["full"] * 1000))
    host, pauses = driven(targets.other(wish()))
    assert host is None and pauses.count(3.0) == 20


def test_who_is_cancelled_goes_nowhere(four):
    signals = Signals()
    door = Admission(*["full"] * 1000)
    _shared, targets = chooser(four, admission=door, signals=signals)
    host, pauses = driven(targets.other(wish()), signals, after=1)
    assert host is None and len(pauses) < 4


@pytest.mark.parametrize(
    "error", [exception.ClusterDataModelCollectionError("away"), KeyError("odd")]
)
def test_a_cloud_that_cannot_be_read_has_no_other_target(four, error):
    shared, targets = chooser(four)
    shared._models.error = error
    assert driven(targets.other(wish()))[0] is None


def test_who_gives_the_plan_up_hears_it(four):
    shared, targets = chooser(four)
    shared._models.error = Left()
    with pytest.raises(Left):
        driven(targets.other(wish()))


def test_nobody_knows_another_target_without_an_engine():
    assert driven(NoTargets().other(wish()))[0] is None
