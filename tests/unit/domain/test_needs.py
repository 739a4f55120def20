"""Which actions are in vain, or wrong, once another one has failed."""

from dataclasses import dataclass, field

import pytest

from watcher.domain.needs import needs


@dataclass(frozen=True)
class Step:
    action_type: str
    input_parameters: dict = field(default_factory=dict)


def migrate(server, source, target):
    given = {
        "resource_id": server,
        "source_node": source,
        "destination_node": target,
    }
    return Step("migrate", {k: v for k, v in given.items() if v is not None})


def service(host, state):
    given = {"resource_id": f"id-{host}", "resource_name": host, "state": state}
    return Step("change_nova_service_state", given)


def power(host, state):
    return Step("change_node_power_state", {"resource_name": host, "state": state})


def volume(ident):
    return Step("volume_migrate", {"resource_id": ident, "destination_node": "h@b#p"})


IDLE = (Step("nop", {"message": "m"}), Step("sleep", {"duration": 1}))
MOVE = migrate("a", "h1", "h2")


@pytest.mark.parametrize("idle", IDLE)
@pytest.mark.parametrize("other", [MOVE, service("h1", "disabled"), Step("paint")])
def test_nobody_needs_what_changes_nothing(idle, other):
    assert not needs(other, idle)
    assert not needs(idle, other)


@pytest.mark.parametrize(
    ("child", "parent", "needed"),
    [
        # The same server.
        (migrate("a", "h2", "h3"), MOVE, True),
        # Opening a host, closing a host.
        (MOVE, service("h2", "enabled"), True),
        (MOVE, service("h3", "enabled"), False),
        (MOVE, service("h1", "disabled"), True),
        (MOVE, service("h3", "disabled"), False),
        (MOVE, power("h2", "on"), True),
        (MOVE, power("h3", "on"), False),
        (service("h3", "enabled"), power("h3", "on"), True),
        (service("h1", "disabled"), service("h2", "enabled"), False),
        # Empty before it is closed or switched off.
        (service("h1", "disabled"), MOVE, True),
        (power("h1", "off"), MOVE, True),
        (power("h3", "off"), MOVE, False),
        (power("h1", "off"), service("h1", "disabled"), True),
        # Pools are no hosts. What a volume makes room for is not known.
        (MOVE, volume("v"), False),
        (volume("v"), MOVE, False),
        (power("h1", "off"), volume("v"), False),
        (volume("v"), volume("w"), True),
        (volume("v"), Step("paint"), True),
        # Room.
        (migrate("b", "h3", "h1"), MOVE, True),
        (migrate("b", "h1", "h3"), MOVE, False),
        (migrate("b", "h3", "h2"), MOVE, False),
        (migrate("b", "h2", "h3"), MOVE, False),
    ],
)
def test_what_concerns_the_same_server_or_host_is_needed(child, parent, needed):
    assert needs(child, parent) is needed


def of(kind, server):
    return Step(kind, {"resource_id": server})


@pytest.mark.parametrize(
    ("child", "parent", "needed"),
    [
        # The same server.
        (of("stop", "a"), MOVE, True),
        (MOVE, of("stop", "a"), True),
        (of("resize", "b"), of("stop", "b"), True),
        # Another one: nothing but room counts.
        (of("stop", "b"), MOVE, False),
        (of("delete", "b"), MOVE, False),
        (of("shelve", "b"), of("resize", "c"), False),
        (of("start", "b"), of("stop", "c"), False),
        (MOVE, of("stop", "b"), False),
        (MOVE, of("start", "b"), False),
        (MOVE, of("delete", "b"), True),
        (MOVE, of("shelve", "b"), True),
        (MOVE, of("resize", "b"), True),
        (of("resize", "b"), of("delete", "c"), True),
        (of("resize", "b"), of("stop", "c"), False),
        (of("unshelve", "b"), of("shelve", "c"), True),
        # Its host may be any.
        (service("h1", "disabled"), of("shelve", "b"), True),
        (power("h1", "off"), of("delete", "b"), True),
    ],
)
def test_changes_of_servers_need_the_same_server_or_room(child, parent, needed):
    assert needs(child, parent) is needed


@pytest.mark.parametrize(
    ("child", "parent"),
    [
        (migrate("b", "h3", None), MOVE),
        (migrate("b", "h3", "h4"), migrate("a", None, "h2")),
        (migrate("b", "h3", None), service("h1", "enabled")),
        (MOVE, Step("change_nova_service_state", {"resource_id": "n"})),
        (Step("paint", {"resource_id": "x"}), MOVE),
        (MOVE, Step("paint")),
        (Step("stop", {"resource_id": "b"}), service("h1", "disabled")),
        (power("h1", "off"), Step("stop", {"resource_id": "b"})),
        (Step("resize", {"resource_id": "b"}), MOVE),
    ],
)
def test_in_doubt_it_is_needed(child, parent):
    assert needs(child, parent)
