"""What actions take while they run, and what plans take from start to end."""

from dataclasses import dataclass, field

import pytest

from watcher.applier import limits
from watcher.applier.limits import Caps, NoFacts
from watcher.domain.execution import Rules
from watcher.domain.records import Place


@dataclass
class Step:
    action_type: str
    input_parameters: dict = field(default_factory=dict)


class World(NoFacts):
    def host_of(self, server):
        return {"s1": "a"}.get(server)

    def project_of(self, server):
        return {"s1": "p1"}.get(server)

    def zone_of(self, host):
        return {"a": "north", "b": "south", "c": "north"}.get(host)

    def aggregates_of(self, host):
        return {"a": ("fast",), "b": ("fast", "big")}.get(host, ())

    def pool_of(self, volume):
        return {"v1": "h@x#old"}.get(volume)


def move(server="s1", source="a", dest="b"):
    given = {"resource_id": server, "source_node": source, "destination_node": dest}
    return Step("migrate", given)


def taken(step, facts=None, **caps):
    return {
        place.key: place.limit
        for place in limits.places(step, Caps(**caps), facts or World())
    }


def test_a_move_takes_the_server_and_a_place_at_each_end():
    assert taken(move()) == {
        ("object", "s1"): 1, ("moves_out", "a"): 2, ("moves_in", "b"): 2,
    }  # fmt: skip


def test_what_the_scheduler_chooses_is_not_counted():
    assert ("moves_in", None) not in taken(move(dest=None))
    assert taken(move(dest=None)) == {("object", "s1"): 1, ("moves_out", "a"): 2}


def test_moves_are_counted_without_a_limit_too():
    assert taken(move(), from_node=None)["moves_out", "a"] is None


def test_zones_aggregates_and_projects_count_once():
    found = taken(move(dest="c"), zone=5, aggregate=4, project=3, moves=9)
    assert found["moves_zone", "north"] == 5
    assert found["moves_aggregate", "fast"] == 4
    assert found["moves_project", "p1"] == 3
    assert found["moves", "*"] == 9
    both = taken(move(), zone=5, aggregate=4)
    assert {name for kind, name in both if kind == "moves_zone"} == {"north", "south"}
    assert {name for kind, name in both if kind == "moves_aggregate"} == {"fast", "big"}


def test_what_nobody_knows_is_not_counted():
    found = taken(move("s9", "x", "y"), NoFacts(), zone=1, aggregate=1, project=1)
    assert set(found) == {("object", "s9"), ("moves_out", "x"), ("moves_in", "y")}


def test_a_resize_leaves_the_host_it_is_on():
    resize = Step("resize", {"resource_id": "s1", "flavor": "f"})
    assert taken(resize) == {("object", "s1"): 1, ("moves_out", "a"): 2}
    assert taken(resize, NoFacts()) == {("object", "s1"): 1}


def test_volumes_take_places_of_pools():
    given = {"resource_id": "v1", "destination_node": "h@x#new"}
    assert taken(Step("volume_migrate", given), to_pool=1) == {
        ("object", "v1"): 1, ("pool_out", "h@x#old"): 2, ("pool_in", "h@x#new"): 1,
    }  # fmt: skip
    retype = Step("volume_migrate", {"resource_id": "v2", "destination_type": "t"})
    assert taken(retype) == {("object", "v2"): 1}


def test_types_are_counted_where_they_have_a_limit():
    assert taken(Step("stop", {"resource_id": "s1"}), types={"stop": 3}) == {
        ("object", "s1"): 1, ("type", "stop"): 3,
    }  # fmt: skip
    assert taken(Step("nop", {"message": "m", "resource_id": "s1"})) == {}
    assert taken(Step("sleep"), types={"sleep": 1}) == {("type", "sleep"): 1}


def test_rules_of_a_plan_tighten_and_never_widen():
    caps = Caps(from_node=2, to_node=None)
    assert caps.within(Rules(moves_from_node=5, moves_to_node=3)).from_node == 2
    assert caps.within(Rules(moves_from_node=1, moves_to_node=3)).to_node == 3
    assert caps.within(Rules()) == caps


def test_a_plan_that_only_moves_takes_nothing_in_advance():
    assert limits.of_plan([move(), move("s2", "b", "c")]) == ()


def test_a_plan_that_closes_a_host_has_it_for_itself_and_uses_the_others():
    close = Step(
        "change_nova_service_state", {"resource_id": "u", "resource_name": "a"}
    )
    assert limits.of_plan([close, move(), move("s2", "a", "c")]) == (
        Place("host", "a", 1), Place("host_used", "b"), Place("host_used", "c"),
    )  # fmt: skip


def test_a_host_without_a_name_goes_by_its_id():
    power = Step("change_node_power_state", {"resource_id": "u1", "state": "off"})
    assert limits.hosts(power) == ("u1",)


@pytest.mark.parametrize("kind", ["moves_out", "moves_in", "moves", "moves_zone",
    "moves_aggregate", "moves_project", "pool_out", "pool_in", "type", "object", "host"])  # fmt: skip
def test_for_everything_that_can_be_full_there_is_a_text(kind):
    assert "x1" in limits.why(Place(kind, "x1", 2)) or kind == "moves"
