"""Strategies in processes of their own: whatever one does, only its audit suffers."""

import contextlib
import datetime
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

import watcher.conf
from tests.functional.decision_engine.strange import Strange
from watcher import exception
from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.model.element import ComputeNode, Instance
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.scope.compute import ComputeScope
from watcher.decision_engine.audit import sentence
from watcher.decision_engine.decide import Decision, Snapshot, Task
from watcher.decision_engine.goal.goals import SHIPPED
from watcher.decision_engine.worker import proc
from watcher.decision_engine.worker import process as processes
from watcher.decision_engine.worker.strategies import Strategies
from watcher.domain.records import Audit
from watcher.plugins import COLLECTORS, GOALS, SCOPE_HANDLERS, STRATEGIES, Plugins

# Patience with a machine that has other things to do.
PATIENCE_S = 60
NOW = datetime.datetime(2026, 1, 1)


def cluster(nodes=3, servers=("a", "b")):
    model = ModelRoot()
    for number in range(nodes):
        model.add_node(
            ComputeNode(
                uuid=f"node-h{number}", hostname=f"h{number}", vcpus=8, memory=8192,
                disk=100, vcpu_ratio=1, memory_ratio=1, disk_ratio=1, vcpu_reserved=0,
                memory_mb_reserved=0, disk_gb_reserved=0,
            )
        )  # fmt: skip
    for uuid in servers:
        model.add_instance(
            Instance(
                uuid=uuid, name=uuid.upper(), vcpus=1, memory=1, disk=1, metadata={},
                project_id="p",
            )
        )  # fmt: skip
        model.map_instance(uuid, "node-h0")
    return model


class Models:
    """The engine's models; one can be missing, and one cannot be sent"""

    age_s = 0.0

    def __init__(self):
        self.model = cluster()
        self.error = None

    def compute(self, max_age_s=None):
        if self.error:
            raise self.error
        return self.model.copy()

    def scoped(self, name, document, max_age_s=None):
        if name == "baremetal":
            return threading.Lock()
        raise exception.ClusterStateNotDefined(f"No {name} model, {document}")

    def get(self, name, max_age_s=None):
        return self.scoped(name, None)


class Engine:
    """What an engine does to run a strategy"""

    def __init__(self, **options):
        self.conf = watcher.conf.load(
            "test",
            default_config_files=[],
            default_config_dirs=[],
            overrides={
                (None, "host"): "here",
                **{("watcher_decision_engine", n): v for n, v in options.items()},
            },
        )
        self.plugins = Plugins.of(
            {
                GOALS: SHIPPED,
                STRATEGIES: {"strange": Strange},
                SCOPE_HANDLERS: {"compute": ComputeScope},
                COLLECTORS: {"compute": ComputeCollector},
            },
            self.conf,
        )
        self.models = Models()
        self.strategies = Strategies(
            self.conf, self.plugins, self.models, now=lambda: NOW
        )

    def solve(self, act, still=lambda: None, scope=(), file=None):
        decision = Decision(strategy="strange")
        audit = Audit(
            id=1, uuid="u", name="n", audit_type="ONESHOT", state="ONGOING", goal_id=1,
            scope=scope,
        )  # fmt: skip
        parameters = {"act": act} | ({"file": str(file)} if file else {})
        task = Task("strange", parameters, audit)
        snapshot = Snapshot(self.models, self.plugins)
        self.strategies.solve(task, snapshot, decision, still)
        return decision

    def tell(self, act, **given):
        """What the strategy answers"""
        (action,) = self.solve(act, **given).solution.actions
        return action["input_parameters"]["message"]

    def fails(self, act, **given):
        """What the audit says about its failure"""
        with pytest.raises(Exception) as caught:
            self.solve(act, **given)
        self.error = caught.value
        return sentence(caught.value, "strange", "strategy")

    @property
    def nursery(self):
        return self.strategies._process.pid


@pytest.fixture(scope="module")
def steady():
    """An engine that serves all tests which leave it as it was"""
    engine = Engine(strategy_time_limit=300)
    engine.strategies.start()
    yield engine
    pid = engine.nursery
    engine.strategies.stop(time.monotonic() + PATIENCE_S)
    assert not alive(pid)


@pytest.fixture
def engine(steady):
    before = steady.nursery if steady.strategies._process else None
    yield steady
    # Nothing that a strategy did has touched the nursery.
    assert before in (None, steady.nursery)
    assert steady.tell("programs") == "42"


@pytest.fixture
def fresh():
    """Makes engines of one's own"""
    made = []

    def make(**options):
        made.append(Engine(**options))
        made[-1].strategies.start()
        return made[-1]

    yield make
    for one in made:
        one.strategies.stop(time.monotonic() + PATIENCE_S)


def alive(pid):
    """Whether there is such a process, zombies included"""
    return pathlib.Path(f"/proc/{pid}").exists()


def eventually(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


def marks(file, count=1):
    """The pids that strategies wrote down, once there are so many"""
    eventually(lambda: file.exists() and len(file.read_text().splitlines()) >= count)
    return [tuple(map(int, line.split())) for line in file.read_text().splitlines()]


class TestWhatIsHandedOver:
    def test_a_strategy_sees_the_models_and_is_somewhere_else(self, engine):
        decision = engine.solve("look", scope=[{"compute": []}])
        (action,) = decision.solution.actions
        seen = action["input_parameters"]["message"]
        assert seen["hosts"] == {"a": "h0", "b": "h0"}
        assert os.getpid() not in (seen["pid"], seen["parent"])
        assert seen["parent"] == engine.nursery
        assert seen["now"].startswith("2026-01-01T00:0")
        assert seen["scope"] == [{"compute": []}]
        assert seen["numbers"] == [3, 0.5]
        assert seen["host"] == "here"
        assert seen["pythonpath"] == os.environ.get("PYTHONPATH")
        assert decision.solution.reasons == ["asked to"]
        assert decision.notes.remarks == ["seen"]
        (stay,) = decision.notes.stays
        assert (stay.uuid, stay.name, stay.rules) == ("a", "A", {"x": 1})
        assert decision.solution.strategy.name == "strange"
        assert decision.solution.goal.name == "unclassified"

    def test_chance_is_the_audits(self, engine):
        assert engine.tell("look")["chance"] == engine.tell("look")["chance"]

    def test_what_moved_is_seen_by_the_next(self, engine):
        engine.models.model.map_instance("a", "node-h2")
        assert engine.tell("look")["hosts"]["a"] == "h2"
        engine.models.model.map_instance("a", "node-h0")
        assert engine.tell("look")["hosts"]["a"] == "h0"

    def test_what_a_strategy_does_to_its_model_nobody_else_sees(self, engine):
        assert engine.tell("spoil") == 0
        assert engine.tell("again") == ["a", "b"]
        assert engine.tell("look")["hosts"]

    def test_strategies_of_old_find_a_collector(self, engine):
        assert engine.tell("classic") == ["a", "b"]
        assert engine.fails("collected") == "The storage model is not kept"

    def test_other_models_come_from_the_engine_and_so_do_their_errors(self, engine):
        scope = [{"storage": []}]
        assert engine.fails("storage", scope=scope) == f"No storage model, {scope}"
        assert "pickle" in engine.fails("baremetal")

    def test_a_model_that_is_missing_is_missing_there(self, engine):
        engine.models.error = exception.ClusterDataModelCollectionError("Nova is away")
        try:
            assert engine.fails("look") == "Nova is away"
            assert isinstance(engine.error, exception.ClusterDataModelCollectionError)
        finally:
            engine.models.error = None


class TestWhatComesBack:
    def test_much_is_no_problem(self, fresh, capfd):
        engine = fresh()
        assert len(engine.tell("chatty")) == 1_000_000
        out, err = capfd.readouterr()
        assert not out
        assert sorted(err.splitlines()) == [
            "raw", "to standard error", "to standard output",
        ]  # fmt: skip

    def test_errors_of_ours_stay_what_they_are(self, engine):
        assert engine.fails("ours") == "The instance 'gone' could not be found"
        assert type(engine.error) is exception.InstanceNotFound
        assert engine.error.kwargs["name"] == "gone"
        assert engine.fails("own") == "The instance 'gone' could not be found"
        assert type(engine.error) is exception.InstanceNotFound

    @pytest.mark.parametrize(
        ("act", "detail"),
        [
            ("theirs", "ZeroDivisionError: by nothing"),
            ("unprintable", "Unprintable: (RuntimeError in its text)"),
            ("leave", "SystemExit: 3"),
            ("deep", "RecursionError: maximum recursion depth exceeded"),
            # Only the engine itself may conclude that.
            ("pretend", "StateChanged: "),
        ],
    )
    def test_other_errors_have_their_name_and_their_place(self, engine, act, detail):
        text = engine.fails(act)
        assert text.startswith(f"The strategy 'strange' failed unexpectedly ({detail}")
        assert text.endswith("); the engine's log has the details")
        assert act in str(engine.error.__cause__) and "strange.py" in str(
            engine.error.__cause__
        )

    @pytest.mark.parametrize(
        ("act", "reason"),
        [
            ("vanish", "ended its process with status 7 instead of an answer"),
            ("crash", "died by SIGSEGV"),
            ("suicide", "died by SIGKILL, which somebody sent, or the kernel"),
            ("garble", "wrote into its own answer"),
            ("huge", "handed over what cannot be stored: 70 MiB are more than 64 MiB"),
            ("object", "handed over what cannot be stored: object is no plain data"),
        ],
    )
    def test_those_that_do_not_answer_fail(self, engine, act, reason):
        assert engine.fails(act).startswith(f"The strategy 'strange' {reason}")
        assert isinstance(engine.error, exception.StrategyStopped)


class TestWhatIsLeft:
    def test_threads_hold_nothing_up(self, engine):
        assert engine.tell("threads") == "done"

    def test_what_a_strategy_started_ends_with_it(self, engine):
        for pid in engine.tell("leave_children"):
            eventually(lambda pid=pid: not alive(pid))

    def test_a_thousand_runs_leave_nothing(self, fresh):
        engine = fresh()
        process = None
        for number in range(1000):
            engine.models.model.map_instance("a", f"node-h{number % 3}")
            assert engine.tell("look")["hosts"]["a"] == f"h{number % 3}"
            if number == 100:
                process = engine.strategies._process
                here, there = files("self"), files(process.pid)
                memory = proc.resident_mb(process.pid)
        assert process is engine.strategies._process
        eventually(lambda: not process.jobs)
        assert not proc.children(process.pid)
        assert files("self") <= here and files(process.pid) <= there
        assert proc.resident_mb(process.pid) < memory + 20


def files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class TestLimits:
    def test_time(self, fresh, tmp_path):
        engine = fresh(strategy_time_limit=1)
        text = engine.fails("stubborn", file=tmp_path / "pid")
        assert text == (
            "The strategy 'strange' was stopped: it ran for more than 1 s "
            "([watcher_decision_engine] strategy_time_limit)"
        )
        assert not alive(marks(tmp_path / "pid")[0][0])

    @pytest.mark.parametrize("act", ["hungry", "hungry_child"])
    def test_memory(self, fresh, act):
        engine = fresh(strategy_memory_limit=400)
        text = engine.fails(act)
        assert "was stopped: it used " in text
        assert " MiB of memory, more than 400 " in text
        assert "([watcher_decision_engine] strategy_memory_limit)" in text

    def test_a_changed_limit_counts_for_the_next(self, fresh):
        engine = fresh(strategy_time_limit=0)
        engine.conf.set_override("strategy_time_limit", 1, "watcher_decision_engine")
        assert "more than 1 s" in engine.fails("sleep")


class Unwanted(Exception):
    """The audit is not ours any more"""


class TestCancelled:
    @pytest.mark.parametrize("act", ["sleep", "stubborn", "hold", "deaf"])
    def test_nobody_wants_it(self, engine, tmp_path, act):
        def still():
            if (tmp_path / "pid").exists():
                raise Unwanted

        with pytest.raises(Unwanted):
            engine.solve(act, still, file=tmp_path / "pid")
        ((pid, _nursery),) = marks(tmp_path / "pid")
        assert not alive(pid)

    def test_the_engine_stops(self, fresh, tmp_path):
        engine = fresh()
        found = []
        run = threading.Thread(
            target=lambda: found.append(engine.fails("sleep", file=tmp_path / "pid"))
        )
        run.start()
        ((pid, nursery),) = marks(tmp_path / "pid")
        engine.strategies.stop(time.monotonic() + PATIENCE_S)
        run.join(PATIENCE_S)
        assert found and not alive(pid) and not alive(nursery)


class TestDeaths:
    def test_the_nursery_is_killed(self, fresh, tmp_path):
        """The audit runs once more, and nothing of the first run is left"""
        engine = fresh()
        file = tmp_path / "pid"
        ended = threading.Event()

        def still():
            if ended.is_set():
                raise Unwanted

        def run():
            with pytest.raises(Unwanted):
                engine.solve("sleep", still, file=file)

        thread = threading.Thread(target=run)
        thread.start()
        ((pid, nursery),) = marks(file)
        os.kill(nursery, signal.SIGKILL)
        eventually(lambda: not alive(pid))
        (_first, (second, other)) = marks(file, 2)
        assert other not in (nursery, os.getpid())
        ended.set()
        thread.join(PATIENCE_S)
        assert not alive(second) and not alive(nursery)

    def test_who_kills_the_nursery_twice_has_failed(self, fresh, tmp_path):
        engine = fresh()
        text = engine.fails("murder", file=tmp_path / "pid")
        assert text == (
            "The strategy 'strange' did not end: the process that runs strategies ended "
            "twice meanwhile"
        )
        assert len(marks(tmp_path / "pid")) == 2
        for pid, _nursery in marks(tmp_path / "pid"):
            eventually(lambda pid=pid: not alive(pid))
        assert engine.tell("programs") == "42"

    def test_a_nursery_that_hangs_is_replaced(self, fresh, tmp_path, monkeypatch):
        monkeypatch.setattr(processes, "BURY_S", 1)
        engine = fresh()
        file = tmp_path / "pid"

        def still():
            if file.exists():
                os.kill(engine.nursery, signal.SIGSTOP)
                raise Unwanted

        with pytest.raises(Unwanted):
            engine.solve("sleep", still, file=file)
        ((pid, nursery),) = marks(file)
        eventually(lambda: not alive(pid) and not alive(nursery))
        assert engine.tell("programs") == "42"

    def test_a_child_is_killed(self, engine, tmp_path):
        file = tmp_path / "pid"

        def still():
            if file.exists():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(marks(file)[0][0], signal.SIGTERM)
                    os.kill(marks(file)[0][0], signal.SIGSEGV)

        # What ends the engine's processes politely is the engine's business.
        assert "died by SIGSEGV" in engine.fails("sleep", still=still, file=file)

    def test_the_engine_is_killed(self, tmp_path):
        """Nothing of it is left"""
        file = tmp_path / "pid"
        code = (
            "import watcher._threading, sys\n"
            "from tests.functional.decision_engine.test_worker import Engine\n"
            f"Engine().solve('sleep', file={str(file)!r})"
        )
        root = pathlib.Path(__file__).parents[3]
        parent = subprocess.Popen([sys.executable, "-c", code], cwd=root)
        ((pid, nursery),) = marks(file)
        parent.kill()
        parent.wait()
        eventually(lambda: not alive(pid) and not alive(nursery))


def test_other_threads_go_on_while_a_strategy_holds_the_lock(engine, tmp_path):
    """A heartbeat would stop for 30 s if this ran in a thread"""
    beats = []
    over = threading.Event()

    def still():
        if (tmp_path / "pid").exists() and len(beats) > 3:
            raise Unwanted

    def beat():
        while not over.wait(0.05):
            if (tmp_path / "pid").exists():
                beats.append(time.monotonic())

    heart = threading.Thread(target=beat)
    heart.start()
    try:
        with pytest.raises(Unwanted):
            engine.solve("hold", still, file=tmp_path / "pid")
    finally:
        over.set()
        heart.join()


def test_many_at_once(engine):
    """Each gets the answer to its own question, on its own model"""
    found = {}

    def run(number):
        found[number] = [engine.tell("look")["pid"] for _ in range(5)]

    threads = [threading.Thread(target=run, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    pids = [pid for several in found.values() for pid in several]
    assert len(pids) == len(set(pids)) == 30


class TestReload:
    def test_new_options_count_and_what_runs_goes_on(self, fresh, tmp_path):
        engine = fresh()
        file = tmp_path / "pid"
        ended = threading.Event()

        def still():
            if ended.is_set():
                raise Unwanted

        def run():
            with pytest.raises(Unwanted):
                engine.solve("sleep", still, file=file)

        thread = threading.Thread(target=run)
        thread.start()
        ((pid, nursery),) = marks(file)
        engine.conf.set_override("host", "elsewhere")
        engine.strategies.reload(engine.conf)
        assert engine.tell("look")["host"] == "elsewhere"
        assert alive(pid) and alive(nursery) and engine.nursery != nursery
        ended.set()
        thread.join(PATIENCE_S)
        eventually(lambda: not alive(pid) and not alive(nursery))
