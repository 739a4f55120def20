"""What the kernel tells about processes, and is asked to do with them; Linux only.

Elsewhere nothing is known: limits of memory do not hold, and a strategy whose nursery was
killed ends when it has done its work.
"""

import contextlib
import ctypes
import os
import pathlib
import signal
from typing import Any

_DEATH_SIGNAL, _NAME, _SUBREAPER = 1, 15, 36
# Whom the kernel kills first when memory is short: 0 is the engine, 1000 anybody before all.
_EXPENDABLE = "500"


def _library() -> Any:
    try:
        return ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return None


# Found once: what is looked up after a fork is looked up for each strategy.
_PRCTL = _library()


def _prctl(option: int, value: int | bytes) -> None:
    if _PRCTL is not None:
        _PRCTL(option, value, 0, 0, 0)


def die_with(parent: int) -> None:
    """End this process when ``parent``, which forked it, does"""
    _prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # It ended before it could be asked for.


def adopt() -> None:
    """Become the parent of whatever children leave behind"""
    _prctl(_SUBREAPER, 1)


def name(text: str) -> None:
    """Show at most 15 letters as this process's name"""
    _prctl(_NAME, text.encode())


def expendable() -> None:
    """Let the kernel end this process before others when memory is short"""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/oom_score_adj").write_text(_EXPENDABLE)


def resident_mb(pid: int) -> int:
    """Return the MiB of memory of a process and of all that it started; 0: not known"""
    pages = 0
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages += int(pathlib.Path(f"/proc/{one}/statm").read_text().split()[1])
            waiting += children(one)
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def children(pid: int) -> list[int]:
    """Return the processes that a process started or adopted; zombies too"""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            found += [int(n) for n in (task / "children").read_text().split()]
    return found


def threads() -> int:
    """Return the number of threads of this process; 0: not known"""
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/task"))
    return 0


def kill(pid: int) -> None:
    """Kill a child and the group that it leads; one that has just ended is no error"""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
