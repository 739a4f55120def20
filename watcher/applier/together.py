"""Begins, ends and cancels several actions of one plan with one transaction."""

import contextlib
from collections.abc import Callable, Sequence

from watcher.applier.book import Book, Move
from watcher.applier.life import ActionLife
from watcher.applier.signals import Aborted, Left
from watcher.db.many import Stepped

# Actions that one transaction steps at most.
MOST = 100


def begin(book: Book, lives: Sequence[ActionLife]) -> None:
    """Check each action, then let those begin that may; ``life.done`` tells the others"""
    ready = [life for life in lives if life.prepare()]
    if len(ready) == 1:
        ready[0].begin()
        return
    _move(ready, ActionLife.first_move, book.begin_each, ActionLife.begun)


def end(book: Book, lives: Sequence[ActionLife]) -> None:
    """Look at the result of each action and write down how they ended"""
    ready = [life for life in lives if life.judge()]
    _move(ready, ActionLife.last_move, book.step_each, ActionLife.ended)


def cancel(book: Book, lives: Sequence[ActionLife]) -> None:
    """Ask running actions to stop, those that can"""
    for start in range(0, len(lives), MOST):
        some = lives[start : start + MOST]
        _move(some, ActionLife.cancel_move, book.step_each, ActionLife.cancelled)
    for life in lives:
        life.interrupt()


def _move(
    lives: Sequence[ActionLife],
    wanted: Callable[[ActionLife], Move | None],
    write: Callable[[Sequence[Move]], list[Stepped]],
    tell: Callable[[ActionLife, Stepped], object],
) -> None:
    with contextlib.ExitStack() as locks:
        # A cancel holds one lock at a time and waits for none: there is no circle.
        for life in lives:
            locks.enter_context(life.lock)
        moves: list[tuple[ActionLife, Move]] = []
        for life in lives:
            try:
                move = wanted(life)
            except Left:
                life.left()
            except Aborted:
                life.begin()
            else:
                if move is not None:
                    moves.append((life, move))
        if not moves:
            return
        try:
            results = write([move for _, move in moves])
        except Left:
            for life, _ in moves:
                life.left()
            return
        for (life, _), result in zip(moves, results, strict=True):
            tell(life, result)
