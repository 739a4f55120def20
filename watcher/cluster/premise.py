"""Does a plan still make sense in the cluster as it is now; what of it does not? Pure.

Judged are the actions that the compute model knows something about; all others pass.

* What has become needless is left out: its server is gone, or already where it was to go.
* A move whose server is elsewhere is left out, and so is one that a rule refuses now, or
  that would fill a host too much on the way. What needs a move that a rule refuses
  (``domain.needs``) goes with it, and so does opening a host for nobody.
* Emptying a host that the plan closes is one thing: when one of its servers cannot leave,
  none does, and the host is not closed. The same where a host that is to be switched off
  has servers that no action is about.
* The plan has lost its purpose when nothing of it is left that could be done, or when
  more than half of its moves do not hold.

A server that is busy just now says nothing yet: its action finds out when its turn comes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from watcher.cluster import occupancy, planned
from watcher.cluster.constraint.base import Constraint
from watcher.cluster.constraint.rules import standard
from watcher.cluster.constraint.state import State
from watcher.cluster.model.element import Instance
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.model.simulate import COLD, LIVE, Move, View
from watcher.domain.needs import IDLE, MIGRATE, SERVICE, needs

MORE = "; and %s more"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is left out of a plan, and whether the rest is worth beginning

    ``needless`` and ``lost`` have the reason by the UUID of the action.
    """

    needless: Mapping[str, str] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)
    broken: str | None = None
    left: int = 0  # actions that change something and are to be carried out

    @property
    def skipped(self) -> dict[str, str]:
        """All that is left out"""
        return {**self.needless, **self.lost}


def judge(
    model: ModelRoot, actions: Sequence[planned.Action], ended: Collection[str] = ()
) -> Judgement:
    """Judge a plan; ``ended`` are the UUIDs of actions that are not to be carried out

    Parents that are not among the actions count as done.
    :raises KeyError, TypeError, ValueError: rows that no planner of ours has written
    """
    return _Case(model, actions, ended).judged()


class _Patient(State):
    """The rule of states, for which a busy server is one that will not be busy for ever"""

    def pins(self, view: View, instance: Instance, kind: str = LIVE) -> str | None:
        if instance.data.get("task_state") or instance.uuid in view.model.migrations:
            return None
        return super().pins(view, instance, kind)


@dataclass(frozen=True, slots=True)
class _Known:
    """An action whose parents are all among the actions"""

    uuid: str
    action_type: str
    input_parameters: Mapping[str, object]
    parents: Sequence[str]


class _Case:
    def __init__(
        self,
        model: ModelRoot,
        actions: Sequence[planned.Action],
        ended: Collection[str],
    ) -> None:
        self._model = model
        known = {action.uuid for action in actions}
        self._actions = [
            _Known(
                action.uuid, action.action_type, action.input_parameters,
                [parent for parent in action.parents if parent in known],
            )
            for action in actions
        ]  # fmt: skip
        self._before = planned.earlier(self._actions)
        self._ended = {n for n, a in enumerate(self._actions) if a.uuid in set(ended)}
        self._from: dict[object, list[int]] = defaultdict(list)
        self._to: dict[object, list[int]] = defaultdict(list)
        for number, action in enumerate(self._actions):
            if action.action_type == MIGRATE:
                self._from[action.input_parameters.get("source_node")].append(number)
                self._to[action.input_parameters.get("destination_node")].append(number)
        self._needless: dict[int, str] = {}
        self._elsewhere: dict[int, str] = {}
        self._refused: dict[int, str] = {}
        self._rules: list[Constraint] = [
            _Patient() if type(rule) is State else rule for rule in standard()
        ]

    def judged(self) -> Judgement:
        self._look()
        moves = self._moves()
        while self._refuse(self._sift(moves)) or self._refuse(self._unserved()):
            moves = {n: m for n, m in moves.items() if n not in self._refused}
        lost = {**self._elsewhere, **self._refused}
        changing = [
            number
            for number, action in enumerate(self._actions)
            if action.action_type not in IDLE
            and number not in self._needless
            and number not in self._ended
        ]
        return Judgement(
            {self._actions[n].uuid: why for n, why in self._needless.items()},
            {self._actions[n].uuid: why for n, why in sorted(lost.items())},
            self._broken(lost, changing),
            sum(number not in lost for number in changing),
        )

    def _broken(self, lost: Mapping[int, str], changing: Sequence[int]) -> str | None:
        if not lost:
            return None
        # What was refused for another action's sake comes last.
        reasons = list(dict.fromkeys([*self._elsewhere.values(), *lost.values()]))
        text = reasons[0] + (MORE % (len(reasons) - 1) if reasons[1:] else "")
        moves = [n for n in changing if self._actions[n].action_type == MIGRATE]
        bad = sum(n in lost for n in moves)
        if all(number in lost for number in changing):
            return text
        if 2 * bad > len(moves):
            return f"{bad} of {len(moves)} moves cannot be made: {text}"
        return None

    # What is there --------------------------------------------------------------------

    def _look(self) -> None:
        """Find the moves that are needless by now, and those from where no server is"""
        for number, action in enumerate(self._actions):
            if action.action_type != MIGRATE or number in self._ended:
                continue
            given = action.input_parameters
            server = str(given["resource_id"])
            if server not in self._model.instances_data:
                self._needless[number] = f"Instance {server} not found"
                continue
            host, source = self._model.host_of(server), given.get("source_node")
            target = given.get("destination_node")
            if host == source or source is None:
                continue
            if target is not None and host == target:
                self._needless[number] = f"Instance {server} is on {target} already"
            else:
                where = f"{source} to {target or 'a host of choice'}"
                self._elsewhere[number] = f"{server} from {where}: it is on {host}."

    def _moves(self) -> dict[int, Move]:
        """Return the moves that name their target and are still to be made"""
        found = {}
        for number, action in enumerate(self._actions):
            move = planned.move_of(
                self._model, action.action_type, action.input_parameters
            )
            if move and self._waits(number):
                found[number] = move
        return found

    def _waits(self, number: int) -> bool:
        return not any(
            number in done
            for done in (self._ended, self._needless, self._elsewhere, self._refused)
        )

    # What the rules say ---------------------------------------------------------------

    def _sift(self, moves: Mapping[int, Move]) -> dict[int, str]:
        """Return the moves that are refused when all others are made"""
        view = self._view(moves)
        numbers = list(moves)
        place = {number: i for i, number in enumerate(numbers)}
        before = {
            place[n]: [place[o] for o in self._before[n] if o in place] for n in numbers
        }
        ancestors = occupancy.ancestors(before, len(numbers))
        wrong: dict[int, str] = {}
        start = view.copy()
        for i in sorted(range(len(numbers)), key=lambda i: ancestors[i].bit_count()):
            move = moves[numbers[i]]
            if reason := self._why(view, move):
                wrong[numbers[i]] = reason
            else:
                view.apply(move)
        wrong.update(self._stranded(view))
        if not wrong:
            found = _crowded(start, list(moves.values()), ancestors)
            wrong = {numbers[i]: reason for i, reason in found.items()}
        return wrong

    def _view(self, moves: Mapping[int, Move]) -> View:
        view = View(self._model)
        services = planned.opened(self._model, self._actions, self._before, dict(moves))
        number_of = {
            planned.host_of(self._model, action): number
            for number, action in enumerate(self._actions)
            if action.action_type == SERVICE
        }
        for host, on in services.items():
            if host in view.index and self._waits(number_of[host]):
                (view.enable if on else view.disable)(host, "planned")
        return view

    def _why(self, view: View, move: Move) -> str | None:
        named = f"{move.instance} from {move.source} to {move.target}"
        if move.source == move.target:
            return f"{named}: source and target are the same."
        for rule in self._rules:
            if reason := rule.why(view, move):
                return f"{named}: {reason}."
        return None

    def _stranded(self, view: View) -> Iterator[tuple[int, str]]:
        """Yield the moves to a host of Nova's choice that no host can be chosen for"""
        for number, action in enumerate(self._actions):
            given = action.input_parameters
            if action.action_type != MIGRATE or given.get("destination_node"):
                continue
            if not self._waits(number):
                continue
            server = view.instance(str(given["resource_id"]))
            kind = COLD if given.get("migration_type") == COLD else LIVE
            for rule in self._rules:
                if reason := rule.pins(view, server, kind):
                    yield number, f"{server.uuid}: {reason}."
                    break

    # What goes with it ----------------------------------------------------------------

    def _refuse(self, wrong: Mapping[int, str]) -> bool:
        """Leave actions out, with those that are in vain without them"""
        new = {n: why for n, why in wrong.items() if self._waits(n)}
        self._refused.update(new)
        queue = list(new)
        for number in queue:
            lost = self._actions[number]
            why = self._refused[number]
            if number in new:
                why = f"it needs {lost.action_type} {lost.uuid}: {why}"
            for child, action in enumerate(self._actions):
                if (
                    number in self._before[child]
                    and self._waits(child)
                    and needs(action, lost)
                ):
                    self._refused[child] = why
                    queue.append(child)
        return bool(new)

    def _unserved(self) -> dict[int, str]:
        """Return what is in vain: emptying a host in part, opening one for nobody"""
        found: dict[int, str] = {}
        for number, host in planned.closing(self._model, self._actions):
            leaving = self._from[host]
            if number in self._ended:
                continue
            if why := self._hindrance(number, host, leaving):
                text = f"{host} cannot be emptied: {why}"
                found.update((n, text) for n in (number, *leaving))
        for number, action in enumerate(self._actions):
            if action.action_type != SERVICE:
                continue
            if action.input_parameters.get("state") == "enabled":
                host_opened = planned.host_of(self._model, action)
                coming = self._to[host_opened]
                if coming and not any(self._waits(n) for n in coming):
                    found[number] = f"no server comes to {host_opened}"
        return {n: why for n, why in found.items() if self._waits(n)}

    def _hindrance(self, closing: int, host: str, leaving: list[int]) -> str | None:
        for number in leaving:
            if number in self._refused and closing != number:
                return self._refused[number]
        if closing in self._refused and leaving:
            return self._refused[closing]
        if self._actions[closing].action_type == SERVICE:
            return None
        treated = {str(a.input_parameters.get("resource_id")) for a in self._actions}
        node = self._model.by_host.get(host)
        there = () if node is None else self._model.uuids_on(node)
        others = sorted(set(there) - treated)
        return f"{others[0]} is on it and no action is about it." if others else None


def _crowded(
    view: View, moves: Sequence[Move], ancestors: Mapping[int, int]
) -> dict[int, str]:
    """Return the moves without which no host gets too full on the way, the last first"""
    found: dict[int, str] = {}
    for crossing in occupancy.crossings(view, moves):
        excess = occupancy.worst(crossing, ancestors) - crossing.limit
        for number in sorted(crossing.arrivals, reverse=True):
            if excess <= 0:
                break
            excess -= crossing.arrivals[number]
            found[number] = (
                f"{moves[number].instance} from {moves[number].source}: on the way "
                f"{crossing.host} might have to hold more {crossing.what} than it can."
            )
    return found
