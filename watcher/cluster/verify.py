"""Judges a list of moves before it is stored, and again before it is carried out."""

from collections.abc import Iterator, Mapping, Sequence

from watcher import exception
from watcher.cluster import occupancy
from watcher.cluster.constraint.base import Constraint
from watcher.cluster.constraint.rules import standard
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.model.simulate import Move, View

Before = occupancy.Before


def verify(
    model: ModelRoot,
    moves: Sequence[Move],
    *,
    before: Before | None = None,
    disabled: Mapping[str, str] | None = None,
    enabled: Mapping[str, str] | None = None,
    rules: Sequence[Constraint] | None = None,
) -> list[str]:
    """Return what is wrong with the moves, in sentences; nothing means good

    ``before`` has for the index of a move the indexes of those that end before it starts;
    without it the moves may run in any order, all at once included. ``disabled`` and
    ``enabled`` are the hosts whose service the plan changes first, with reasons. Judged
    are each move when its turn comes, the state after all of them (what was wrong before
    and still is, is nobody's fault), and the fullest moment of each host on the way.
    """
    rules = standard() if rules is None else rules
    wrong = list(_malformed(model, moves, [*(disabled or ()), *(enabled or ())]))
    if wrong:
        return wrong
    view = View(model)
    for host, why in (enabled or {}).items():
        view.enable(host, why)
    for host, why in (disabled or {}).items():
        view.disable(host, why)
    try:
        ancestors = occupancy.ancestors(before or {}, len(moves))
    except ValueError as error:
        return [f"{error}."]
    wrong += _on_the_way(view, moves, ancestors)
    already = {breach.subject for rule in rules for breach in rule.breaks(view)}
    for number in _in_order(ancestors, len(moves)):
        move = moves[number]
        for rule in rules:
            if reason := rule.why(view, move):
                wrong.append(f"{_named(move)}: {reason}.")
        view.apply(move)
    for rule in rules:
        for breach in rule.breaks(view):
            if breach.subject not in already:
                wrong.append(f"After all moves {breach.text}.")
    return list(dict.fromkeys(wrong))


def _malformed(
    model: ModelRoot, moves: Sequence[Move], hosts: Sequence[str]
) -> Iterator[str]:
    known = {str(data["hostname"]) for data in model.nodes_data.values()}
    for host in hosts:
        if host not in known:
            yield f"{host} is outside the scope or unknown."
    seen = set()
    for move in moves:
        try:
            source = model.get_node_by_instance_uuid(move.instance).hostname
        except exception.ComputeResourceNotFound as error:
            yield f"{_named(move)}: {error.format_message()}"
            continue
        if source != move.source:
            yield f"{_named(move)}: it is on {source}."
        if move.source == move.target:
            yield f"{_named(move)}: source and target are the same."
        if move.target not in known:
            yield f"{_named(move)}: {move.target} is outside the scope or unknown."
        if move.instance in seen:
            yield f"{_named(move)}: it is moved twice."
        seen.add(move.instance)


def _on_the_way(
    view: View, moves: Sequence[Move], ancestors: Mapping[int, int]
) -> Iterator[str]:
    for crossing in occupancy.crossings(view, moves):
        peak = occupancy.worst(crossing, ancestors)
        if peak > crossing.limit:
            yield (
                f"On the way {crossing.host} may have to hold {peak:g} {crossing.what}, "
                f"allowed are {crossing.limit:g}."
            )


def _in_order(ancestors: Mapping[int, int], count: int) -> list[int]:
    # Fewer ancestors first is an order that keeps every dependency.
    return sorted(range(count), key=lambda n: ancestors.get(n, 0).bit_count())


def _named(move: Move) -> str:
    return f"{move.instance} from {move.source} to {move.target}"
