"""Holds the model and forks for each run of a strategy: ``python -m`` this module.

Started by the engine, spoken to over a socket, and gone when that closes. It has one thread,
so that forking is safe: the child has the model and all plugins at once, by the kernel's
copy-on-write, and takes nothing with it when it is killed.
"""

import faulthandler
import gc
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from oslo_log import log

from watcher.cluster.model import delta
from watcher.decision_engine.scoring import scoring_factory
from watcher.decision_engine.worker import job, proc, wire
from watcher.plugins import Plugins

LOG = log.getLogger(__name__)

# How often limits are judged, in seconds.
LOOK_S = 0.5
# Jobs after which what cycles have kept is looked for; nothing else collects it.
TIDY_JOBS = 200


@dataclass(slots=True)
class Child:
    """A running strategy; limits in seconds and MiB, 0: none"""

    number: int
    time_limit_s: float
    memory_limit_mb: float
    began_s: float
    why: str | None = None  # the limit that it was killed for
    used: float = 0


class Nursery:
    """One thread that hears the engine, forks, judges and buries"""

    def __init__(self, control: socket.socket, plugins: Plugins) -> None:
        self._control = control
        self._plugins = plugins
        self._model: Any = None
        self._children: dict[int, Child] = {}
        self._forked = 0
        self._wake, wake = socket.socketpair()
        for end in (self._wake, wake):
            end.setblocking(False)
        self._news = wake
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve until the engine has gone; then no child is left"""
        try:
            while True:
                wait_s = LOOK_S if self._children else None
                ready = {key.fileobj for key, _ in self._selector.select(wait_s)}
                if self._wake in ready:
                    with suppress(BlockingIOError):
                        self._wake.recv(4096)
                if self._control in ready:
                    message, fds = wire.receive(self._control)
                    self._hear(message, fds)
                self._bury()
                self._judge()
        except (wire.Closed, OSError):
            pass
        finally:
            for pid in self._children:
                proc.kill(pid)
            while proc.children(os.getpid()):
                self._sweep()
                with suppress(ChildProcessError):
                    os.waitpid(-1, 0)

    def _hear(self, message: tuple[Any, ...], fds: list[int]) -> None:
        kind, *values = message
        if kind == "model":
            self._model = values[0]
            self._tidy()
        elif kind == "delta":
            delta.apply(values[0], self._model)
        elif kind == "job":
            with socket.socket(fileno=fds[0]) as sock:
                self._fork(sock, *values)
        elif kind == "kill":
            for pid, child in self._children.items():
                if child.number == values[0]:
                    proc.kill(pid)

    # Children ---------------------------------------------------------------------------

    def _fork(
        self,
        sock: socket.socket,
        number: int,
        order: bytes,
        time_limit_s: float,
        memory_limit_mb: float,
    ) -> None:
        self._forked += 1
        if self._forked % TIDY_JOBS == 0:
            self._tidy()
        # Whatever is there is not looked at by the children's collector: that would copy it.
        gc.freeze()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self._tell({"ended": number, "status": None, "why": str(error)})
            return
        if pid == 0:
            self._live(sock, order, parent)
        self._children[pid] = Child(
            number, time_limit_s, memory_limit_mb, time.monotonic()
        )
        self._tell({"begun": number, "pid": pid})

    def _live(self, sock: socket.socket, order: bytes, parent: int) -> None:
        """Be the child; never return"""
        status = 1
        try:
            proc.die_with(parent)
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for end in (self._control, self._wake, self._news, self._selector):
                end.close()
            proc.name("strategy")
            proc.expendable()
            gc.enable()
            job.run(sock, wire.load(order), self._model, self._plugins)
            status = 0
        except BaseException:  # a process's outer edge
            traceback.print_exc()
        finally:
            with suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            # Not even threads that a strategy left behind hold this up.
            os._exit(status)

    def _bury(self) -> None:
        """Tell of children that have ended, with all that they started"""
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            # As long as it is not waited for, its number is nobody else's.
            child = self._children.pop(found.si_pid, None)
            if child is not None:
                proc.kill(found.si_pid)
            _pid, status = os.waitpid(found.si_pid, 0)
            if child is not None:
                self._sweep()
                self._tell(
                    {
                        "ended": child.number,
                        "status": os.waitstatus_to_exitcode(status),
                        "why": child.why,
                        "used": child.used,
                    }
                )

    def _judge(self) -> None:
        """Kill what goes beyond its limits, and what has lost its strategy"""
        now_s = time.monotonic()
        for pid, child in self._children.items():
            if child.why is not None:
                continue
            ran_s = now_s - child.began_s
            used_mb = proc.resident_mb(pid) if child.memory_limit_mb else 0
            if 0 < child.time_limit_s < ran_s:
                child.why, child.used = "time", ran_s
            elif child.memory_limit_mb < used_mb:
                child.why, child.used = "memory", used_mb
            if child.why is not None:
                proc.kill(pid)
        if self._children:
            self._sweep()

    def _sweep(self) -> None:
        """Kill what children started and left to us"""
        for pid in proc.children(os.getpid()):
            if pid not in self._children:
                proc.kill(pid)

    def _tidy(self) -> None:
        gc.unfreeze()
        gc.collect()

    def _tell(self, document: dict[str, Any]) -> None:
        wire.tell(self._control, document)


def main(fd: int) -> None:
    """Serve the engine at the other end of a socket"""
    control = socket.socket(fileno=fd)
    control.set_inheritable(False)
    gc.disable()
    faulthandler.enable()
    proc.adopt()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
        # A supervisor that ends the engine tells all its processes; the engine says what
        # becomes of these. Programs that a strategy starts end as usual.
        signal.signal(number, lambda *_: None)
    try:
        setup, _files = wire.receive(control)
        _conf, plugins = setup.build()
        scoring_factory.use(plugins)
    except wire.Closed:
        return
    except Exception as error:  # a process's outer edge
        traceback.print_exc()
        wire.tell(control, {"fatal": f"{type(error).__name__}: {error}"})
        return
    if (count := proc.threads()) > 1:
        LOG.warning(
            "A plugin started %d threads when it was imported; processes of strategies "
            "are without them",
            count - 1,
        )
    wire.tell(control, {"ready": os.getpid()})
    Nursery(control, plugins).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]))
