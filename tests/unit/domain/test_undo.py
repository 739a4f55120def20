"""The way back from what a plan did, for each type of action and for what was half done."""

import itertools
import random
from collections import Counter, defaultdict

import pytest

from watcher.domain import effects, undo
from watcher.domain.graph import check
from watcher.domain.needs import needs
from watcher.domain.records import Action, Operation

VM, OTHER, THIRD = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2, 3))


class Past:
    """A plan and what it did, in the order of time"""

    def __init__(self):
        self.actions = []
        self.operations = []

    def action(self, kind, given, *parents, state="SUCCEEDED", message=None):
        action = Action(
            id=len(self.actions) + 1, uuid=f"action-{len(self.actions)}",
            action_plan_id=1, action_type=kind, input_parameters=given, state=state,
            parents=[parent.uuid for parent in parents], status_message=message,
        )  # fmt: skip
        self.actions.append(action)
        return action

    def did(self, action, kind, outcome="succeeded", **detail):
        self.operations.append(
            Operation(
                id=len(self.operations) + 1, action_uuid=action.uuid, kind=kind,
                owner="o", owner_epoch=1, request_id="req", outcome=outcome, detail=detail,
            )
        )  # fmt: skip
        return action

    def move(self, server, source, dest, *parents, kind="live", went=None, **more):
        given = {
            "resource_id": server, "migration_type": kind, "source_node": source,
            "destination_node": dest, "resource_name": f"vm-{server[-1]}",
        }  # fmt: skip
        action = self.action("migrate", given, *parents)
        where = {"server": server, "source": source, "dest": dest}
        return self.did(action, "migrate", host=went or dest, **where, **more)

    def service(self, host, state, *parents, was_reason=None, reason=None):
        given = {"resource_id": f"id-{host}", "resource_name": host, "state": state}
        if reason:
            given["disabled_reason"] = reason
        was = "enabled" if state == "disabled" else "disabled"
        action = self.action("change_nova_service_state", given, *parents)
        return self.did(
            action, "set_service", host=host, was=was, was_reason=was_reason
        )

    def back(self):
        way = undo.of(self.actions, self.operations)
        made = way.actions(map(str, itertools.count()).__next__)
        check({action.uuid: action.parents for action in made})
        for action in made:
            # What an action waits for, the applier takes for needed as well.
            assert all(needs(action, made[int(parent)]) for parent in action.parents)
        return [
            (a.action_type, dict(a.input_parameters), list(a.parents)) for a in made
        ]

    def kept(self):
        found = undo.of(self.actions, self.operations).kept
        return [(one.action.action_type, one.reason) for one in found]


@pytest.fixture
def past():
    return Past()


def migrate(server, source, dest, *parents, kind="live"):
    given = {
        "resource_id": server, "migration_type": kind, "source_node": source,
        "destination_node": dest, "resource_name": f"vm-{server[-1]}",
    }  # fmt: skip
    return ("migrate", given, [str(parent) for parent in parents])


@pytest.mark.parametrize("kind", ["live", "cold"])
def test_a_server_goes_back_the_way_it_came(past, kind):
    past.move(VM, "a", "b", kind=kind)
    assert past.back() == [migrate(VM, "b", "a", kind=kind)]
    assert (
        undo.of(past.actions, past.operations).steps[0].reason == "it was on a before"
    )


def test_a_server_that_nova_sent_somewhere_comes_back_from_there(past):
    past.move(VM, "a", None, went="c")
    assert past.back() == [migrate(VM, "c", "a")]


@pytest.mark.parametrize("outcome", ["failed", "refused", "cancelled", "lost"])
def test_what_did_not_happen_is_not_taken_back(past, outcome):
    """Neither what failed half way nor what was never begun"""
    past.move(VM, "a", "b")
    given = {"resource_id": OTHER, "migration_type": "live", "source_node": "a"}
    past.did(past.action("migrate", given, state="FAILED"), "migrate", outcome)
    past.action("migrate", {**given, "resource_id": THIRD}, state="CANCELLED")
    past.action("sleep", {"duration": 1})
    past.action("nop", {"message": "m"})
    assert past.back() == [migrate(VM, "b", "a")]
    assert past.kept() == []


def test_a_request_that_was_sent_twice_counts_once(past):
    action = past.action(
        "migrate", {"resource_id": VM, "migration_type": "live", "source_node": "a"}
    )
    past.did(action, "migrate", "lost", source="a", dest="b")
    past.did(action, "migrate", source="a", dest="b", host="b")
    assert [given["source_node"] for _, given, _ in past.back()] == ["b"]


def test_an_attempt_with_another_target_is_what_counts(past):
    action = past.action(
        "migrate",
        {"resource_id": VM, "migration_type": "live", "source_node": "a",
         "destination_node": "b"},
    )  # fmt: skip
    past.did(action, "migrate", "failed", source="a", dest="b")
    past.did(action, "migrate_2", source="a", dest="c", host="c")
    [(_, given, _)] = past.back()
    assert (given["source_node"], given["destination_node"]) == ("c", "a")


def test_an_action_that_failed_after_its_move_is_taken_back(past):
    """Really done is what counts, not how the action ended"""
    action = past.action(
        "migrate", {"resource_id": VM, "migration_type": "live", "source_node": "a"},
        state="FAILED", message="Action failed in post_condition: oops",
    )  # fmt: skip
    past.did(action, "migrate", source="a", dest="b", host="b")
    assert len(past.back()) == 1


def test_several_moves_of_a_server_are_one_way_back(past):
    first = past.move(VM, "a", "b")
    past.move(VM, "b", "c", first)
    assert past.back() == [migrate(VM, "c", "a")]


def test_who_is_back_already_needs_no_way(past):
    action = past.move(VM, "a", "b")
    past.did(action, "migrate_back", source="b", dest="a", host="a")
    assert past.back() == []


@pytest.mark.parametrize("outcome", [None, "timeout"])
def test_what_nobody_saw_the_end_of_is_named(past, outcome):
    given = {"resource_id": VM, "migration_type": "live", "source_node": "a"}
    action = past.action("migrate", given, state="FAILED")
    past.did(action, "migrate", outcome, source="a", dest="b")
    assert past.back() == []
    assert past.kept() == [("migrate", effects.UNKNOWN)]


def test_a_cold_migration_that_was_not_confirmed_is_named(past):
    given = {"resource_id": VM, "migration_type": "cold", "source_node": "a"}
    action = past.action("migrate", given, state="FAILED")
    past.did(action, "migrate", "failed", source="a", dest="b")
    past.did(action, "confirm_resize", "failed")
    assert past.kept() == [("migrate", effects.UNCONFIRMED)]


def test_the_reverse_of_a_drained_host(past):
    """Enable first, then back; nobody waits for a stranger"""
    shut = past.service("a", "disabled", reason="watcher_maintaining")
    past.move(VM, "a", "b", shut)
    past.move(OTHER, "a", "c", shut)
    enable = {
        "resource_id": "id-a", "resource_name": "a", "state": "enabled",
        "if_disabled_reason": "watcher_maintaining",
    }  # fmt: skip
    assert past.back() == [
        ("change_nova_service_state", enable, []),
        migrate(OTHER, "c", "a", 0),
        migrate(VM, "b", "a", 0),
    ]


def test_a_host_that_the_plan_opened_is_closed_when_it_is_empty_again(past):
    opened = past.service("b", "enabled", was_reason="spare")
    past.move(VM, "a", "b", opened)
    past.move(OTHER, "a", "c", opened)
    disable = {
        "resource_id": "id-b", "resource_name": "b", "state": "disabled",
        "disabled_reason": "spare",
    }  # fmt: skip
    assert past.back() == [
        migrate(OTHER, "c", "a"),
        migrate(VM, "b", "a"),
        ("change_nova_service_state", disable, ["1"]),
    ]


def test_a_host_that_was_closed_and_opened_again_stays_as_it_is(past):
    past.service("a", "disabled", reason="watcher")
    past.service("a", "enabled", was_reason="watcher")
    assert past.back() == []


def test_a_service_that_was_put_back_stays_as_it_is(past):
    action = past.service("a", "disabled", reason="watcher")
    past.did(action, "set_service_back", host="a", was="disabled", was_reason="watcher")
    assert past.back() == []


def test_a_service_that_others_had_disabled_is_theirs(past):
    """actions.md A11: only what this plan has changed is taken back"""
    given = {"resource_id": "id-a", "resource_name": "a", "state": "disabled"}
    past.action("change_nova_service_state", given, state="SKIPPED")
    assert past.back() == [] and past.kept() == []


def test_a_node_is_on_and_open_before_anybody_comes_back(past):
    shut = past.service("a", "disabled", reason="w")
    move = past.move(VM, "a", "b", shut)
    given = {"resource_id": "node-1", "resource_name": "a", "state": "off"}
    off = past.action("change_node_power_state", given, move)
    past.did(off, "set_power", was="on")
    found = past.back()
    assert [(kind, parents) for kind, _, parents in found] == [
        ("change_node_power_state", []),
        ("change_nova_service_state", ["0"]),
        ("migrate", ["0", "1"]),
    ]
    assert found[0][1] == {**given, "state": "on"}


def test_a_node_that_the_plan_switched_on_goes_off_last(past):
    given = {"resource_id": "node-1", "resource_name": "b", "state": "on"}
    on = past.did(past.action("change_node_power_state", given), "set_power", was="off")
    opened = past.service("b", "enabled", on, was_reason="w")
    past.move(VM, "a", "b", opened)
    assert [(kind, parents) for kind, _, parents in past.back()] == [
        ("migrate", []),
        ("change_nova_service_state", ["0"]),
        ("change_node_power_state", ["0", "1"]),
    ]


def test_nodes_without_a_name_have_nothing_to_do_with_each_other(past):
    for node in ("n1", "n2"):
        on = past.action(
            "change_node_power_state", {"resource_id": node, "state": "off"}
        )
        past.did(on, "set_power", was="on")
    assert [parents for _, _, parents in past.back()] == [[], []]


def test_room_is_made_before_somebody_comes_back(past):
    """VM left room for OTHER, so OTHER leaves before VM returns; THIRD needed none"""
    first = past.move(VM, "a", "b")
    past.move(THIRD, "c", "a")
    past.move(OTHER, "c", "a", first)
    assert past.back() == [
        migrate(OTHER, "a", "c"),
        migrate(THIRD, "a", "c"),
        migrate(VM, "b", "a", 0),
    ]


def test_where_nobody_had_counted_whoever_leaves_leaves_first(past):
    """Nova chose a for OTHER: that VM fits beside it nobody ever judged"""
    past.move(VM, "a", "b")
    past.move(OTHER, "c", None, went="a")
    assert past.back() == [
        migrate(OTHER, "a", "c"),
        migrate(VM, "b", "a", 0),
    ]


@pytest.mark.parametrize(
    ("kind", "was", "back"),
    [
        ("stop", "active", ["start"]),
        ("stop", "PAUSED", ["start"]),
        ("shelve", "ACTIVE", ["unshelve"]),
        ("shelve", "stopped", ["unshelve", "stop"]),
        ("start", "SHUTOFF", ["stop"]),
        ("unshelve", "shelved_offloaded", ["shelve"]),
    ],
)
def test_a_server_runs_again_as_it_did(past, kind, was, back):
    past.did(past.action(kind, {"resource_id": VM}), kind, server=VM, was=was)
    found = past.back()
    assert [step[0] for step in found] == back
    assert all(step[1] == {"resource_id": VM} for step in found)
    assert [step[2] for step in found] == [[], ["0"]][: len(back)]


def test_what_somebody_else_did_first_is_theirs(past):
    action = past.action("stop", {"resource_id": VM})
    past.did(action, "stop", was="active", ours=False)
    assert past.back() == [] and past.kept() == []


def test_a_server_that_was_started_again_needs_no_way(past):
    action = past.action("stop", {"resource_id": VM}, state="FAILED")
    past.did(action, "stop", was="active")
    past.did(action, "start", was="stopped")
    assert past.back() == []


def test_a_server_is_started_before_it_goes_back_live(past):
    move = past.move(VM, "a", "b")
    past.did(past.action("stop", {"resource_id": VM}, move), "stop", was="ACTIVE")
    assert [step[0::2] for step in past.back()] == [("start", []), ("migrate", ["0"])]


def test_a_server_gets_its_flavor_back(past):
    given = {"resource_id": VM, "flavor": "m1.large"}
    past.did(past.action("resize", given), "resize", was="id-1", flavor="id-2")
    assert past.back() == [("resize", {"resource_id": VM, "flavor": "id-1"}, [])]


def volume(ident, kind, **given):
    return ("volume_migrate", {"resource_id": ident, "migration_type": kind, **given})


def test_a_volume_goes_back_to_its_pool(past):
    action = past.action(*volume(VM, "swap", destination_node="p2"))
    past.did(action, "migrate_volume", source="p1", dest="p2", host="p2")
    assert past.back() == [(*volume(VM, "migrate", destination_node="p1"), [])]


def test_a_volume_gets_its_type_back_and_then_its_pool(past):
    action = past.action(*volume(VM, "retype", destination_type="t2"))
    past.did(action, "retype_volume", was_type="t1", type="t2", source="p1", host="p2")
    stays = past.action(*volume(OTHER, "retype", destination_type="t2"))
    past.did(stays, "retype_volume", was_type="t1", type="t2", source="p1", host="p1")
    assert past.back() == [
        (*volume(OTHER, "retype", destination_type="t1"), []),
        (*volume(VM, "retype", destination_type="t1"), []),
        (*volume(VM, "migrate", destination_node="p1"), ["1"]),
    ]


def test_what_is_deleted_stays_deleted_and_is_named(past):
    move = past.move(VM, "a", "b")
    past.did(past.action("delete", {"resource_id": VM}, move), "delete", was="ACTIVE")
    past.move(OTHER, "a", "b")
    assert past.back() == [migrate(OTHER, "b", "a")]
    assert past.kept() == [("delete", effects.FINAL)]


def test_what_other_plugins_did_is_named(past):
    past.action("garden", {"resource_id": VM})
    past.action("garden", {}, state="FAILED", message="Action failed in execute: x")
    past.action(
        "garden", {}, state="FAILED", message="Action failed in pre_condition: x"
    )
    past.action("garden", {}, state="SKIPPED")
    assert past.kept() == [("garden", effects.NOT_TOLD.format("garden"))] * 2


def test_what_an_applier_without_a_journal_did_is_named(past):
    past.action("migrate", {"resource_id": VM, "migration_type": "live"})
    assert past.kept() == [("migrate", effects.NOT_WRITTEN)]


def test_a_plan_that_did_nothing_has_no_way_back(past):
    assert past.back() == [] and past.kept() == []


def test_the_way_back_of_a_way_back_is_the_way_there(past):
    shut = past.service("a", "disabled", reason="w")
    past.move(VM, "a", "b", shut)
    again = Past()
    enable, move = past.back()
    opened = again.service("a", "enabled", was_reason="w")
    again.move(VM, move[1]["source_node"], move[1]["destination_node"], opened)
    found = again.back()
    assert [step[0] for step in found] == ["migrate", "change_nova_service_state"]
    assert found[0][1] == past.actions[1].input_parameters
    assert found[1][1]["disabled_reason"] == "w"
    assert enable[1]["state"] == "enabled"


def full_cloud(seed):
    """Some moves between hosts of three places, each allowed only as far as there is room"""
    rng = random.Random(seed)
    places = {f"vm{n:02}": f"h{n // 2}" for n in range(8)}
    most = Counter(places.values())  # had nobody left
    past, gone = Past(), defaultdict(list)
    for server in rng.sample(sorted(places), 6):
        source, dest = places[server], rng.choice(["h0", "h1", "h2", "h3"])
        if dest == source or Counter(places.values())[dest] > 2:
            continue
        waits = gone[dest] if most[dest] > 2 else []
        move = past.move(server, source, dest, *waits)
        most[dest] += 1
        places[server] = dest
        gone[source].append(move)
    return past, places, rng


@pytest.mark.parametrize("seed", range(40))
def test_there_is_room_in_whatever_order_they_come_back(seed):
    """A server takes room where it goes when it begins, and leaves it when it is there"""
    past, places, rng = full_cloud(seed)
    held = Counter(places.values())
    steps = past.back()
    waiting, running, done = list(range(len(steps))), [], set()
    while waiting or running:
        free = [n for n in waiting if {int(p) for p in steps[n][2]} <= done]
        chosen = rng.choice([*free, *running])
        given = steps[chosen][1]
        if chosen in running:
            running.remove(chosen)
            done.add(chosen)
            held[given["source_node"]] -= 1
            continue
        waiting.remove(chosen)
        running.append(chosen)
        held[given["destination_node"]] += 1
        assert held[given["destination_node"]] <= 3
    assert {held[f"h{n}"] for n in range(4)} == {2}
