"""The engine's side of one nursery: starts it, hands it models and jobs, hears of ends."""

import itertools
import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any, NamedTuple

from oslo_log import log

from watcher.cluster.model import delta
from watcher.cluster.model.model_root import ModelRoot
from watcher.decision_engine.worker import wire
from watcher.decision_engine.worker.setup import Setup

LOG = log.getLogger(__name__)

NURSERY = "watcher.decision_engine.worker.nursery"
# Seconds that a machine with other things to do may take: until a nursery has imported
# everything and forked, until it takes a model, until it has buried what was killed.
BEGIN_S = 180.0
SEND_S = 60.0
BURY_S = 15.0
# Threads would make forking unsafe, and several strategies at once fight for processors.
_ALONE = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)


class Lost(Exception):
    """The nursery is gone, and what ran in it"""


class Limits(NamedTuple):
    """Seconds that a strategy may run and MiB that it may use; 0: any"""

    time_s: float
    memory_mb: float


class Job:
    """A running strategy as the engine sees it; ``sock`` ends where the strategy is"""

    def __init__(self, number: int, sock: socket.socket) -> None:
        self.number = number
        self.sock = sock
        self.begun = threading.Event()
        self.ended = threading.Event()
        self.lost = False
        self.status: int | None = None  # of the process; negative: the signal
        self.why: str | None = None  # the limit it was killed for: time or memory
        self.used = 0.0  # seconds or MiB, when a limit was exceeded


class Process:
    """One nursery, from its start to its end"""

    def __init__(self, setup: Setup) -> None:
        self.fatal: str | None = None  # why it could not begin
        self.ready = threading.Event()
        self._lock = threading.Lock()
        self._jobs: dict[int, Job] = {}
        self._numbers = itertools.count(1)
        self._sent: ModelRoot | None = None
        self._gone = False
        self._retired = False
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = _spawn(theirs)
        self._control.settimeout(SEND_S)
        self._reader = threading.Thread(
            target=self._read, name="strategies", daemon=True
        )
        self._reader.start()
        with suppress(Lost):
            self._send(setup)

    @property
    def pid(self) -> int:
        """Its number, for logs"""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be given something to do"""
        return not self._gone

    @property
    def jobs(self) -> int:
        """How many strategies run in it"""
        return len(self._jobs)

    # Work -------------------------------------------------------------------------------

    def bring(self, model: ModelRoot) -> None:
        """Hand a model over, or what is new in it; nobody may change it from now on

        :raises Lost: nobody is there
        """
        with self._lock:
            self._bring(model)

    def launch(
        self,
        order: bytes,
        model: ModelRoot | None,
        limits: Limits,
    ) -> Job:
        """Let a strategy run on a model; ``close`` must be called with the job

        :raises Lost: nobody is there
        """
        with self._lock:
            if model is not None:
                self._bring(model)
            ours, theirs = socket.socketpair()
            job = Job(next(self._numbers), ours)
            self._jobs[job.number] = job
            message = ("job", job.number, order, *limits)
            try:
                with theirs:
                    self._send(message, (theirs.fileno(),))
            except Lost:
                self._jobs.pop(job.number, None)
                ours.close()
                raise
        if self._gone:
            # It went while this was sent; its end may have been told before.
            self._lose()
        return job

    def close(self, job: Job) -> None:
        """Make sure that a job's process is gone or about to go; needs no answer"""
        job.sock.close()
        if not job.ended.is_set():
            with suppress(Lost), self._lock:
                self._send(("kill", job.number))

    def bury(self, job: Job) -> None:
        """Kill a job's process and wait until it is gone"""
        self.close(job)
        if not job.ended.wait(BURY_S):
            self.destroy("does not end what runs in it")

    def destroy(self, reason: str) -> None:
        """Kill the nursery; what runs in it ends with it"""
        if not self._gone:
            LOG.warning(
                "The nursery of strategies %d %s; it is killed", self.pid, reason
            )
        self._process.kill()
        self._hang_up()

    def retire(self) -> None:
        """End when the last job has; nothing new is given to it"""
        self._retired = True
        if not self._jobs:
            self._hang_up()

    def stop(self) -> None:
        """End now, and kill what runs"""
        self._hang_up()
        try:
            self._process.wait(BURY_S)
        except subprocess.TimeoutExpired:
            self.destroy("does not end")
        self._reader.join(BURY_S)

    def _bring(self, model: ModelRoot) -> None:
        if self._sent is None:
            self._send(("model", model))
        elif self._sent is not model and (found := delta.between(self._sent, model)):
            self._send(("delta", found))
        self._sent = model

    def _send(self, message: Any, fds: tuple[int, ...] = ()) -> None:
        try:
            wire.send(self._control, message, fds)
        except OSError as error:
            if not self._gone:
                self.destroy(f"does not listen ({error})")
            raise Lost from error

    # Hearing ----------------------------------------------------------------------------

    def _read(self) -> None:
        reader = wire.Reader(self._control)
        try:
            while True:
                if (document := reader.read()) is not None:
                    self._hear(document)
        except (wire.Closed, wire.Garbled):
            pass
        except Exception:  # a thread's outer edge
            LOG.exception("The nursery of strategies is not understood")
        self._gone = True
        self._hang_up()
        try:
            status = self._process.wait(BURY_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._control.close()
        if self._jobs:
            LOG.warning("The nursery of strategies %d ended (%d)", self.pid, status)
        self._lose()

    def _hear(self, document: dict[str, Any]) -> None:
        if "ready" in document:
            self.ready.set()
        elif "fatal" in document:
            self.fatal = str(document["fatal"])
            LOG.error("Strategies cannot run: %s", self.fatal)
        elif "begun" in document:
            if job := self._jobs.get(document["begun"]):
                job.begun.set()
        elif "ended" in document and (job := self._jobs.pop(document["ended"], None)):
            job.status, job.why = document["status"], document["why"]
            job.used = document.get("used", 0.0)
            job.ended.set()
            if self._retired and not self._jobs:
                self._hang_up()

    def _lose(self) -> None:
        for number in list(self._jobs):
            if job := self._jobs.pop(number, None):
                job.lost = True
                job.ended.set()

    def _hang_up(self) -> None:
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)


def _spawn(theirs: socket.socket) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(part or os.getcwd() for part in sys.path)
    command = [sys.executable, "-P", "-m", NURSERY, str(theirs.fileno())]
    return subprocess.Popen(
        command,
        env={**os.environ, **_ALONE, "PYTHONPATH": path},
        pass_fds=(theirs.fileno(),),
        stdin=subprocess.DEVNULL,
        # What strategies print must not get among the results of a program.
        stdout=_stderr(),
        start_new_session=True,
    )


def _stderr() -> int:
    try:
        os.fstat(2)
    except OSError:
        return subprocess.DEVNULL
    return 2
