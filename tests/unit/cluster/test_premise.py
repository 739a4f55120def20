"""What of a plan still makes sense in a cluster that has changed since it was made."""

import pytest

from watcher.cluster import planned, premise
from watcher.domain.records import NewAction


class Plan:
    """Actions in a row; ``after`` are the names of those that end before"""

    def __init__(self):
        self.actions = []

    def add(self, name, kind, after, **given):
        self.actions.append(
            NewAction(
                uuid=name, action_type=kind, input_parameters=given, parents=after
            )
        )
        return self

    def move(self, server, source, target=None, *after, kind="live"):
        given = {"resource_id": server, "migration_type": kind, "source_node": source}
        if target:
            given["destination_node"] = target
        return self.add(server, "migrate", after, **given)

    def service(self, name, host, state, *after):
        given = {"resource_id": host, "resource_name": host, "state": state}
        return self.add(name, "change_nova_service_state", after, **given)

    def off(self, name, host, *after):
        given = {"resource_id": host, "resource_name": host, "state": "off"}
        return self.add(name, "change_node_power_state", after, **given)


@pytest.fixture
def plan():
    return Plan()


@pytest.fixture
def four(cloud):
    """Four servers on h1, three hosts beside it"""
    for host in ("h1", "h2", "h3", "h4"):
        cloud.node(host)
    for name in "abcd":
        cloud.server(name, "h1")
    return cloud


def judged(cloud, plan, ended=()):
    return premise.judge(cloud.model, plan.actions, ended)


def test_a_plan_that_holds_is_left_as_it_is(four, plan):
    for name in "abcd":
        plan.move(name, "h1", "h2")
    assert judged(four, plan) == premise.Judgement(left=4)
    assert planned.breaches(four.model, plan.actions) == []


def test_h10_a_server_that_is_gone_needs_no_move(four, plan):
    """actions.md H10: nothing re-validates a plan against the current model"""
    four.servers_by_name.pop("a")
    found = judged(four, plan.move("a", "h1", "h2").move("b", "h1", "h2"))
    assert found.needless == {"a": "Instance a not found"}
    assert (found.lost, found.broken, found.left) == ({}, None, 1)


def test_when_all_are_gone_nothing_is_broken(four, plan):
    four.servers_by_name.clear()
    found = judged(four, plan.move("a", "h1", "h2"))
    assert (found.broken, found.left) == (None, 0)


def test_a_server_that_arrived_already_needs_no_move(four, plan):
    four.server("a", "h2")
    found = judged(four, plan.move("a", "h1", "h2").move("b", "h1", "h2"))
    assert found.needless == {"a": "Instance a is on h2 already"}


def test_h10_a_server_that_somebody_moved_elsewhere_is_left_there(four, plan):
    four.server("a", "h3")
    found = judged(four, plan.move("a", "h1", "h2").move("b", "h1", "h2"))
    assert found.lost == {"a": "a from h1 to h2: it is on h3."}
    assert (found.broken, found.left) == (None, 1)


def test_more_than_half_of_the_moves_are_too_many(four, plan):
    for name in "ab":
        four.server(name, "h3")
    for name in "abcd":
        plan.move(name, "h1", "h2")
    assert judged(four, plan).broken is None
    four.server("c", "h3")
    assert judged(four, plan).broken == (
        "3 of 4 moves cannot be made: a from h1 to h2: it is on h3.; and 2 more"
    )


def test_a_plan_of_which_nothing_is_left_is_broken(four, plan):
    four.server("a", "h3")
    plan.move("a", "h1", "h2").add("n", "nop", [], message="x")
    assert judged(four, plan).broken == "a from h1 to h2: it is on h3."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": "disabled"}, "h2 is disabled and up"),
        ({"state": "down"}, "h2 is enabled and down"),
        ({"vcpus": 0}, "h2 has 0 vCPUs in all, a needs 1"),
    ],
)
def test_h10_a_target_that_cannot_take_it_any_more(four, plan, change, said):
    four.node("h2", **change)
    for name, target in zip("abcd", ("h2", "h3", "h3", "h3"), strict=True):
        plan.move(name, "h1", target)
    found = judged(four, plan)
    assert found.lost == {"a": f"a from h1 to h2: {said}."}
    assert (found.broken, found.left) == (None, 3)


def test_h10_a_target_that_was_filled_meanwhile_takes_what_still_fits(four, plan):
    four.node("h2", vcpus=4, memory=8192, disk=100)
    four.server("x", "h2", vcpus=2)
    for name in "abc":
        plan.move(name, "h1", "h2")
    found = judged(four, plan)
    assert list(found.lost) == ["c"]
    assert "has room for 0 vCPUs" in found.lost["c"]
    assert (found.broken, found.left) == (None, 2)


def test_a_target_that_may_be_too_full_on_the_way(cloud, plan):
    """The swap was safe one after the other; it is not without that order"""
    cloud.node("h1", vcpus=2).node("h2", vcpus=2).node("h3", vcpus=9)
    cloud.server("a", "h1", vcpus=2).server("b", "h2", vcpus=2).server(
        "c", "h1", vcpus=0
    )
    plan.move("b", "h2", "h3").move("a", "h1", "h2", "b").move("c", "h1", "h3")
    assert judged(cloud, plan).lost == {}
    loose = Plan().move("b", "h2", "h3").move("a", "h1", "h2").move("c", "h1", "h3")
    found = judged(cloud, loose)
    assert list(found.lost) == ["a"]
    assert "on the way h2 might have to hold more vCPUs" in found.lost["a"]


def test_who_needs_the_room_of_a_server_that_stays_does_not_come(cloud, plan):
    cloud.node("h1", vcpus=2).node("h2", vcpus=2).node("h3", vcpus=9).node("h4")
    cloud.server("a", "h1", vcpus=2).server("b", "h2", vcpus=2).server("c", "h4")
    cloud.server("d", "h4")
    plan.move("b", "h2", "h3").move("a", "h1", "h2", "b")
    plan.move("c", "h4", "h3").move("d", "h4", "h3")
    cloud.server("b", "h2", vcpus=2, state="error")
    found = judged(cloud, plan)
    assert set(found.lost) == {"a", "b"}
    assert "b is error" in found.lost["b"]
    assert (found.broken, found.left) == (None, 2)


def test_what_needs_what_needs_a_lost_move_goes_too(four, plan):
    four.server("a", "h1", locked=True)
    plan.move("a", "h1", "h2").add("x", "resize", ["a"], resource_id="z")
    plan.add("y", "stop", ["x"], resource_id="z")
    for name in "bc":
        plan.move(name, "h1", "h2")
    found = judged(four, plan)
    assert set(found.lost) == {"a", "x", "y"}
    assert found.lost["y"] == "it needs migrate a: a from h1 to h2: a is locked."


def test_what_only_comes_later_goes_on(four, plan):
    """The operator's order of types puts it behind, but it needs nothing of it"""
    four.server("a", "h1", locked=True).server("x", "h3")
    plan.move("a", "h1", "h2").move("x", "h3", "h4", "a").move("b", "h1", "h4", "a")
    found = judged(four, plan)
    assert (list(found.lost), found.left) == (["a"], 2)


def test_what_needs_a_lost_move_by_way_of_another_goes_too(four, plan):
    four.server("a", "h1", locked=True).server("x", "h3").server("y", "h4")
    plan.move("a", "h1", "h2").move("x", "h3", "h1", "a").move("y", "h4", "h3", "x")
    for name in "bcd":
        plan.move(name, "h1", "h2")
    found = judged(four, plan)
    assert (set(found.lost), found.left) == ({"a", "x", "y"}, 3)


def test_emptying_a_host_is_one_thing_maintenance(four, plan):
    """One server cannot leave: the host is not disabled, and none of the others moves"""
    plan.service("off", "h1", "disabled")
    for name in "abcd":
        plan.move(name, "h1", "h2", "off")
    assert judged(four, plan).broken is None
    four.server("d", "h1", state="error")
    found = judged(four, plan)
    assert set(found.lost) == {"off", "a", "b", "c", "d"}
    assert found.broken.startswith("d from h1 to h2: d is error: no live migration.")
    assert found.lost["a"].startswith("h1 cannot be emptied: d from h1 to h2")


def test_a_server_of_a_closed_host_that_left_by_itself_is_fine(four, plan):
    plan.service("off", "h1", "disabled")
    for name in "abcd":
        plan.move(name, "h1", "h2", "off")
    four.server("a", "h3")
    found = judged(four, plan)
    assert list(found.lost) == ["a"]
    assert (found.broken, found.left) == (None, 4)


def test_consolidation_goes_on_with_the_hosts_that_can_be_emptied(four, plan):
    four.server("x", "h4").server("y", "h4", locked=True)
    four.server("e", "h3").server("f", "h3")
    for name, source in (*((n, "h1") for n in "abcd"), ("x", "h4"), ("y", "h4")):
        plan.move(name, source, "h2")
    plan.service("off1", "h1", "disabled", *"abcd")
    plan.service("off4", "h4", "disabled", "x", "y")
    found = judged(four, plan)
    assert set(found.lost) == {"x", "y", "off4"}
    assert (found.broken, found.left) == (None, 5)


def test_a_host_is_not_opened_for_nobody(four, plan):
    four.node("h4", status="disabled")
    four.server("a", "h1", locked=True)
    plan.service("on", "h4", "enabled").move("a", "h1", "h4", "on")
    for name in "bc":
        plan.move(name, "h1", "h2")
    found = judged(four, plan)
    assert found.lost["on"] == "no server comes to h4"
    assert set(found.lost) == {"a", "on"}
    four.servers_by_name.pop("a")
    assert set(judged(four, plan).lost) == {"on"}


def test_a_host_that_the_plan_opens_may_be_moved_to(four, plan):
    four.node("h4", status="disabled")
    plan.service("on", "h4", "enabled").move("a", "h1", "h4", "on")
    assert judged(four, plan).lost == {}
    assert judged(four, Plan().move("a", "h1", "h4")).broken


def test_a_host_with_a_server_of_nobody_is_not_switched_off(four, plan):
    plan.off("off", "h4")
    for name in "ab":
        plan.move(name, "h1", "h2")
    assert judged(four, plan).lost == {}
    four.server("new", "h4")
    found = judged(four, plan)
    assert found.lost == {
        "off": "h4 cannot be emptied: new is on it and no action is about it."
    }
    plan.add("stop", "stop", [], resource_id="new")
    assert judged(four, plan).lost == {}


@pytest.mark.parametrize("task", ["migrating", "rebooting"])
def test_a_server_that_is_busy_says_nothing_yet(four, plan, task):
    four.server("a", "h1", task_state=task)
    assert judged(four, plan.move("a", "h1", "h2")).lost == {}


def test_what_an_administrator_skipped_breaks_nothing(four, plan):
    four.server("d", "h1", locked=True)
    plan.service("off", "h1", "disabled")
    for name in "abcd":
        plan.move(name, "h1", "h2", "off")
    found = judged(four, plan, ended=["d"])
    assert (found.lost, found.broken, found.left) == ({}, None, 4)


def test_a_move_without_a_target_is_judged_by_its_server(four, plan):
    four.server("a", "h1", locked=True)
    for name in "abc":
        plan.move(name, "h1")
    assert judged(four, plan).lost == {"a": "a: a is locked."}


def test_types_that_the_model_knows_nothing_about_pass(four, plan):
    plan.add("r", "resize", [], resource_id="nobody", flavor="1")
    plan.add("v", "volume_migrate", [], resource_id="v")
    assert judged(four, plan) == premise.Judgement(left=2)


def test_what_is_left_keeps_the_rules(four, plan):
    """What the judge lets pass, the judge of new plans would let pass, too"""
    four.node("h2", vcpus=3).node("h3", vcpus=1)
    four.server("x", "h2")
    for name, target in zip("abcd", ("h2", "h2", "h2", "h3"), strict=True):
        plan.move(name, "h1", target)
    assert planned.breaches(four.model, plan.actions)
    found = judged(four, plan)
    assert found.broken is None and found.lost
    rest = [a for a in plan.actions if a.uuid not in found.skipped]
    assert planned.breaches(four.model, rest) == []
