"""A strategy that misbehaves as it is told, for tests with real processes."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import numpy

from watcher import exception
from watcher.decision_engine.strategy import base
from watcher.decision_engine.strategy.steps import Step


class OwnError(exception.InstanceNotFound):
    """An error that only this package knows"""


class Unprintable(Exception):
    """An error whose text is an error"""

    def __str__(self):
        raise RuntimeError


class Strange(base.UnclassifiedStrategy):
    """Does what the parameter ``act`` says"""

    def __init__(self, config, osc=None):
        super().__init__(config, osc)
        self.osc_given = osc

    @classmethod
    def get_name(cls):
        return "strange"

    @classmethod
    def get_display_name(cls):
        return "Strange"

    get_translatable_display_name = get_display_name

    @classmethod
    def get_schema(cls):
        return {
            "type": "object",
            "properties": {"act": {"type": "string"}, "file": {"type": "string"}},
        }

    def solve(self, view, p):
        found = getattr(self, p.act)(p.get("file"))
        yield Step(
            action_type="nop",
            parameters={"message": found},
            resource_id=None,
            reason="asked to",
        )

    # Good ones ------------------------------------------------------------------------

    def look(self, file):
        """Tell what there is"""
        self.handle.note(None, "seen")
        self.handle.note(
            self.compute_model.get_instance_by_uuid("a"), "likes it", {"x": 1}
        )
        self.solution.set_efficacy_indicators()
        return {
            "hosts": {
                uuid: self.compute_model.get_node_by_instance_uuid(uuid).hostname
                for uuid in self.compute_model.get_all_instances()
            },
            "pid": os.getpid(),
            "parent": os.getppid(),
            "now": self.handle.now(),
            "chance": self.handle.chance.random(),
            "scope": list(self.audit_scope),
            "numbers": [numpy.int64(3), numpy.float64(0.5)],
            "pythonpath": os.environ.get("PYTHONPATH"),
            "host": self.osc._conf.host,
        }

    def spoil(self, file):
        """Change the model, which is this process's own"""
        for uuid in list(self.compute_model.get_all_instances()):
            self.compute_model.remove_instance(uuid)
        return len(self.compute_model.get_all_instances())

    def again(self, file):
        """Ask for the model once more"""
        self.spoil(file)
        return sorted(self.handle.models.compute().get_all_instances())

    def classic(self, file):
        """Reach for a collector, as strategies of old do"""
        found = self.collector_manager.get_cluster_model_collector(
            "compute", osc=self.osc
        )
        assert list(self.collector_manager.get_collectors()) == ["compute"]
        found.synchronize()
        return sorted(found.get_latest_cluster_data_model().get_all_instances())

    def collected(self, file):
        """Reach for a collector that there is not"""
        return self.collector_manager.get_cluster_model_collector("storage")

    def storage(self, file):
        return self.storage_model

    def baremetal(self, file):
        return self.baremetal_model

    def chatty(self, file):
        print("to standard output")
        print("to standard error", file=sys.stderr)
        os.write(1, b"raw\n")
        return "x" * 1_000_000

    def programs(self, file):
        """Run something and wait for it"""
        return subprocess.run(
            [sys.executable, "-c", "print(6*7)"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    def threads(self, file):
        """Leave a thread that never ends"""
        threading.Thread(target=time.sleep, args=(10_000,)).start()
        return "done"

    def leave_children(self, file):
        """Leave processes, one of which wants to be forgotten"""
        pids = [subprocess.Popen(["sleep", "10000"]).pid]
        pids.append(subprocess.Popen(["sleep", "10000"], start_new_session=True).pid)
        read, write = os.pipe()
        if not os.fork():
            os.setsid()
            if pid := os.fork():
                os.write(write, str(pid).encode())
                os._exit(0)
            time.sleep(10_000)
        pids.append(int(os.read(read, 20)))
        return pids

    # Bad ones -------------------------------------------------------------------------

    def ours(self, file):
        raise exception.InstanceNotFound(name="gone")

    def own(self, file):
        raise OwnError(name="gone")

    def theirs(self, file):
        raise ZeroDivisionError("by nothing\nand more")

    def unprintable(self, file):
        raise Unprintable

    def pretend(self, file):
        raise exception.StateChanged(kind="audit", ident="x", expected="ONGOING")

    def leave(self, file):
        sys.exit(3)

    def vanish(self, file):
        os._exit(7)

    def crash(self, file):
        ctypes.string_at(0)

    def suicide(self, file):
        os.kill(os.getpid(), signal.SIGKILL)

    def deaf(self, file):
        """Close everything, go on"""
        self._mark(file)
        os.closerange(3, 256)
        time.sleep(10_000)

    def garble(self, file):
        for fd in range(3, 64):
            try:
                os.write(fd, b"\xff" * 1000)
            except OSError:
                continue
        return "never"

    def hungry(self, file):
        held = []
        while True:
            held.append(b"x" * 2**24)

    def hungry_child(self, file):
        """Let another process be hungry"""
        code = "import time; x = b'x' * 2**29; time.sleep(10000)"
        return subprocess.run([sys.executable, "-c", code], check=False).returncode

    def sleep(self, file):
        self._mark(file)
        time.sleep(10_000)

    def stubborn(self, file):
        """Take no for no answer"""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self.sleep(file)

    def hold(self, file):
        """Hold the interpreter's lock, as badly written extensions do"""
        self._mark(file)
        ctypes.PyDLL(None).usleep(30_000_000)

    def huge(self, file):
        return "x" * (70 * 2**20)

    def object(self, file):
        return object()

    def deep(self, file):
        return self.deep(file)

    def murder(self, file):
        """Kill the nursery"""
        self._mark(file)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(10_000)

    def _mark(self, file):
        if file:
            with open(file, "a") as out:
                print(os.getpid(), os.getppid(), file=out, flush=True)
