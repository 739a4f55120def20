"""Emptying a node: every server fits where it goes, and who stays is named."""

import random

import pytest

from watcher import exception
from watcher.decision_engine.strategy.host_maintenance import HostMaintenance

MAINTAINING = {
    "resource_id": "node-h1",
    "resource_name": "h1",
    "state": "disabled",
    "disabled_reason": "watcher_maintaining",
}


def test_the_node_is_disabled_first_and_every_server_has_a_place(cluster, run):
    cluster.node("h1").node("h2", vcpus=4).node("h3", vcpus=4)
    for name, vcpus in {"a": 3, "b": 2, "c": 1, "d": 2}.items():
        cluster.server(name, "h1", vcpus)
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert found.solution.actions[0]["input_parameters"] == MAINTAINING
    assert set(found.moves) == {"a", "b", "c", "d"}
    assert found.breaches == [] and found.stays == {}
    first, *others = found.actions
    assert all(action.parents == [first.uuid] for action in others)
    assert all(found.solution.reasons)


def reason_of(found, server):
    for action, reason in zip(
        found.solution.actions, found.solution.reasons, strict=True
    ):
        if action["input_parameters"].get("resource_id") == server:
            return reason
    return None


def test_the_host_that_will_be_the_emptiest_is_chosen(cluster, run):
    # h3 holds more than h2, but it is four times as large.
    cluster.node("h1").node("h2").node("h3", vcpus=32).server("a", "h1", 2)
    cluster.server("x", "h2", 4).server("y", "h3", 6)
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert found.moves == {"a": ("live", "h3")}
    assert reason_of(found, "a") == (
        "h1 is emptied for maintenance; h3 is the emptiest host that can take it: "
        "25% full"
    )


def test_servers_are_spread_over_the_hosts(cluster, run):
    cluster.node("h1")
    for number in range(2, 6):
        cluster.node(f"h{number}")
    for number in range(8):
        cluster.server(f"s{number}", "h1")
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    targets = [target for _kind, target in found.moves.values()]
    assert sorted(targets) == sorted(["h2", "h3", "h4", "h5"] * 2)


@pytest.mark.parametrize("axis", ["vcpus", "memory", "disk"])
def test_a_host_is_as_full_as_its_fullest_resource(axis, cluster, run):
    cluster.node("h1").node("h2").node("h3").server("a", "h1")
    much = {"vcpus": 6, "memory": 6144, "disk": 80}[axis]
    cluster.server("x", "h2", **{axis: much})
    half = {"vcpus": 4, "memory": 4096, "disk": 50}
    cluster.server("y", "h3", **half)
    assert run(HostMaintenance, cluster, maintenance_node="h1").moves["a"][1] == "h3"


def test_servers_on_their_way_to_a_host_make_it_fuller(cluster, run):
    cluster.node("h1").node("h2").node("h3").server("a", "h1", 2)
    cluster.server("x", "h3", 1)
    cluster.model.hold("node-h2", (4, 0, 0))
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert found.moves == {"a": ("live", "h3")}


def tight(cluster):
    cluster.node("h1", vcpus=16).node("h2", vcpus=6).node("h3", vcpus=6)
    for name, vcpus in {"a": 3, "b": 3, "c": 2, "d": 2, "e": 2}.items():
        cluster.server(name, "h1", vcpus, memory=10)
    return cluster


def test_servers_are_packed_when_spreading_leaves_some(cluster, run):
    found = run(HostMaintenance, tight(cluster), maintenance_node="h1")
    assert found.stays == {} and found.breaches == []
    assert found.moves["a"] == found.moves["b"]
    assert reason_of(found, "a") == (
        "h1 is emptied for maintenance; h2 is the tightest host that can take it: servers "
        "are packed, since spreading them would leave 1 server without a place"
    )


def test_packing_that_helps_nobody_is_left(cluster, run):
    cluster.node("h1", vcpus=16).node("h2", vcpus=6).node("h3", vcpus=6)
    cluster.server("giant", "h1", 8).server("a", "h1", 3).server("b", "h1", 3)
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert set(found.stays) == {"giant"}
    assert found.moves["a"][1] != found.moves["b"][1]
    assert all("packed" not in reason for reason in found.solution.reasons)


def test_a_soft_rule_comes_before_emptiness_and_is_told(cluster, run):
    cluster.node("h1").node("h2").node("h3").server("a", "h1").server("b", "h2")
    cluster.server("x", "h3", 4)
    cluster.group("soft-anti-affinity", "a", "b")
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert found.moves == {"a": ("live", "h3")}
    assert "the emptiest host that can take it and suits its server group" in (
        reason_of(found, "a")
    )


@pytest.mark.parametrize("axis", ["vcpus", "memory", "disk"])
def test_a_full_node_is_not_chosen_whatever_is_full(axis, cluster, run):
    cluster.node("h1").node("h2").node("h3")
    full = {"vcpus": 8, "memory": 8192, "disk": 100}[axis]
    cluster.server("a", "h1", **{axis: 2}).server("x", "h2", **{axis: full})
    assert run(HostMaintenance, cluster, maintenance_node="h1").moves["a"][1] == "h3"


def test_allocation_ratio_and_reserve_count(cluster, run):
    cluster.node("h1").node("h2", vcpus=4, vcpu_ratio=2.0, vcpu_reserved=1)
    cluster.server("a", "h1", 3).server("b", "h1", 3).server("c", "h1", 1)
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert len(found.moves) == 2 and len(found.stays) == 1


def test_stopped_servers_move_cold_running_ones_live(cluster, run):
    cluster.node("h1").node("h2").server("a", "h1").server("b", "h1", state="stopped")
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert found.moves == {"a": ("live", "h2"), "b": ("cold", "h2")}


@pytest.mark.parametrize(
    "live, cold, running, stopped",
    [
        (False, False, "live", "cold"),
        (True, False, "cold", "cold"),
        (False, True, "live", None),
        (True, True, "stop", None),
    ],
)
def test_the_published_table(live, cold, running, stopped, cluster, run):
    cluster.node("h1").node("h2").server("a", "h1").server("b", "h1", state="stopped")
    found = run(
        HostMaintenance,
        cluster,
        maintenance_node="h1",
        disable_live_migration=live,
        disable_cold_migration=cold,
    )
    kinds = {server: kind for server, (kind, _) in found.moves.items()}
    kinds |= {given["resource_id"]: "stop" for given in found.of("stop")}
    assert kinds.get("a") == running and kinds.get("b") == stopped
    assert ("b" in found.stays) is (stopped is None)


@pytest.mark.parametrize(
    "trait",
    [
        {"state": "error"},
        {"state": "building"},
        {"state": "paused"},
        {"state": "resized"},
        {"locked": True},
        {"task_state": "rebuilding"},
        {"watcher_exclude": True},
    ],
)
def test_servers_that_cannot_be_moved_stay_and_are_named(trait, cluster, run):
    cluster.node("h1").node("h2").server("a", "h1").server("b", "h1", **trait)
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert set(found.moves) == {"a"} and set(found.stays) == {"b"}
    assert found.notes.stays[0].name == "vm-b" and found.notes.stays[0].rules
    assert found.breaches == []


def test_a_server_that_fits_nowhere_stays_with_the_rules_counted(cluster, run):
    cluster.node("h1").node("h2", vcpus=2).node("h3", status="disabled")
    cluster.node("h4", state="down").server("a", "h1", 4).server("b", "h1", 1)
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert found.moves == {"b": ("live", "h2")}
    stay = found.notes.stays[0]
    assert stay.uuid == "a" and stay.rules == {"capacity": 1, "state": 2}
    assert "capacity: 1 node" in stay.reason


def test_anti_affinity_members_are_spread(cluster, run):
    cluster.node("h1").node("h2", vcpus=6).node("h3").node("h4")
    for name in ("a", "b", "c"):
        cluster.server(name, "h1")
    cluster.server("d", "h2")
    cluster.group("anti-affinity", "a", "b", "d")
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    targets = [found.moves[name][1] for name in ("a", "b")]
    assert sorted(targets) == ["h3", "h4"] and found.breaches == []
    assert found.moves["c"]


def test_servers_stay_in_their_zone(cluster, run):
    cluster.node("h1", zone="z1").node("h2", zone="z2").node("h3", zone="z1")
    cluster.server("a", "h1").server("b", "h1", pinned_zone="")
    cluster.server("x", "h3", 6)
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert found.moves == {"a": ("live", "h3"), "b": ("live", "h2")}


def test_a_small_choosy_server_does_not_lose_its_only_node(cluster, run):
    # Big first puts b on h2, the emptier one; then a, bound to z1, has no place.
    cluster.node("h1", zone="z1").node("h2", vcpus=4, zone="z1").node("h3", zone="z2")
    cluster.server("x", "h3", 4, memory=4096)
    cluster.server("b", "h1", 4, pinned_zone="").server("a", "h1", 1)
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert found.moves == {"a": ("live", "h2"), "b": ("live", "h3")}


def test_the_backup_is_preferred_and_enabled_when_it_is_used(cluster, run):
    cluster.node("h1").node("h2", vcpus=2, status="disabled").node("h3")
    cluster.server("a", "h1", 2).server("b", "h1", 4)
    found = run(HostMaintenance, cluster, maintenance_node="h1", backup_node="h2")
    assert found.moves == {"a": ("live", "h2"), "b": ("live", "h3")}
    states = {g["resource_name"]: g["state"] for g in found.of(SERVICE)}
    assert states == {"h1": "disabled", "h2": "enabled"} and found.breaches == []
    enable = next(a for a in found.actions if a.input_parameters["state"] == "enabled")
    arrival = next(
        a for a in found.actions if a.input_parameters.get("destination_node") == "h2"
    )
    assert enable.uuid in arrival.parents


SERVICE = "change_nova_service_state"


def test_a_backup_that_takes_nobody_stays_disabled(cluster, run):
    cluster.node("h1").node("h2", vcpus=2, status="disabled").node("h3")
    cluster.server("b", "h1", 4)
    found = run(HostMaintenance, cluster, maintenance_node="h1", backup_node="h2")
    assert [g["resource_name"] for g in found.of(SERVICE)] == ["h1"]
    assert found.moves == {"b": ("live", "h3")}


def test_room_held_by_migrations_under_way_is_not_given_away(cluster, run):
    cluster.node("h1").node("h2", vcpus=4).node("h3", vcpus=4).server("a", "h1", 2)
    cluster.server("x", "h2", 1)
    cluster.model.hold("node-h2", (2, 0, 0))
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert found.moves == {"a": ("live", "h3")}


def test_an_empty_node_is_only_disabled(cluster, run):
    cluster.node("h1").node("h2")
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert [a["input_parameters"] for a in found.solution.actions] == [MAINTAINING]


def test_a_node_in_maintenance_is_not_disabled_again(cluster, run):
    closed = {"status": "disabled", "disabled_reason": "watcher_maintaining"}
    cluster.node("h1", **closed).node("h2")
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert found.solution.actions == [] and found.notes.remarks
    cluster.server("a", "h1")
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert [a["action_type"] for a in found.solution.actions] == ["migrate"]


def test_a_node_disabled_for_another_reason_gets_ours(cluster, run):
    cluster.node("h1", status="disabled", disabled_reason="broken fan").node("h2")
    found = run(HostMaintenance, cluster, maintenance_node="h1")
    assert [a["input_parameters"] for a in found.solution.actions] == [MAINTAINING]


@pytest.mark.parametrize("role", ["maintenance_node", "backup_node"])
def test_an_unknown_node_is_named(role, cluster, run):
    cluster.node("h1").node("h2")
    given = {"maintenance_node": "h1", role: "h9"}
    with pytest.raises(exception.ComputeNodeNotFound, match="h9.*outside the scope"):
        run(HostMaintenance, cluster, **given)


def test_a_node_is_not_its_own_backup(cluster, run):
    cluster.node("h1")
    with pytest.raises(exception.Invalid, match="own backup"):
        run(HostMaintenance, cluster, maintenance_node="h1", backup_node="h1")


def test_the_published_schema():
    schema = HostMaintenance.get_schema()
    assert sorted(schema) == ["properties", "required"]
    assert schema["required"] == ["maintenance_node"]


def test_equal_clusters_give_equal_plans(cluster, run):
    for number in range(6):
        cluster.node(f"h{number}")
    for number in range(8):
        cluster.server(f"s{number}", "h0")
    one = run(HostMaintenance, cluster, maintenance_node="h0")
    two = run(HostMaintenance, cluster, maintenance_node="h0")
    assert one.solution.actions == two.solution.actions


@pytest.mark.parametrize("seed", range(25))
def test_any_cloud_gives_a_plan_that_keeps_the_rules(seed, cluster, run):
    chance = random.Random(seed)
    for number in range(6):
        cluster.node(
            f"h{number + 1}",
            vcpus=chance.choice([4, 8, 16]),
            vcpu_ratio=chance.choice([1.0, 1.5]),
            zone=chance.choice(["z1", "z1", "z2"]),
            status=chance.choice(["enabled"] * 4 + ["disabled"]),
            state=chance.choice(["up"] * 5 + ["down"]),
        )
    names = [f"s{number}" for number in range(20)]
    for name in names:
        cluster.server(
            name,
            chance.choice(["h1", "h1", "h2", "h3", "h4"]),
            chance.choice([1, 1, 2, 3]),
            state=chance.choice(["active"] * 6 + ["stopped", "error"]),
            pinned_zone=chance.choice([None, "", "z1"]),
            locked=chance.random() < 0.1,
            watcher_exclude=chance.random() < 0.1,
        )
    for policy in ("anti-affinity", "affinity", "soft-anti-affinity"):
        cluster.group(policy, *chance.sample(names, 3))
    backup = chance.choice([{}, {"backup_node": "h2"}])
    found = run(HostMaintenance, cluster, maintenance_node="h1", **backup)
    assert found.breaches == []
    here = {i.uuid for i in cluster.model.get_node_instances("node-h1")}
    assert here == set(found.moves) | set(found.stays)
    assert not set(found.moves) & set(found.stays)
