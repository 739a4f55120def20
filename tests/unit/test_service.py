"""Start, stop and reload of a daemon inside of this process; refusals; heartbeats."""

import signal
import threading
import time
from importlib import metadata

import pytest

from watcher import exception, parts, service
from watcher.domain.records import Service


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / "watcher.conf"
    path.write_text("[DEFAULT]\ndebug = false\nperiodic_interval = 60\n")
    return service.prepare("watcher-test", ["--config-file", str(path)])


class Recorder:
    """A part that writes down what happens to it"""

    def __init__(self, name, log, reason=None):
        self.name = name
        self.log = log
        self.reason = reason

    def start(self):
        self.log.append(f"start {self.name}")

    def stop(self, deadline):
        self.log.append(f"stop {self.name}")

    def reload(self, conf):
        self.log.append(f"reload {self.name} {conf.periodic_interval}")

    def ready(self):
        return self.reason


class Broken(Recorder):
    def stop(self, deadline):
        super().stop(deadline)
        raise RuntimeError("cannot stop")

    def reload(self, conf):
        raise RuntimeError("cannot reload")


def test_parts_start_in_order_and_stop_backwards(conf):
    log = []
    daemon = service.Daemon(
        conf, "d", [Recorder("a", log), Broken("b", log), Recorder("c", log)]
    )
    assert daemon.reasons() == ["not started"]
    daemon.start()
    assert daemon.reasons() == []
    daemon.stop(1)
    assert log == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]
    assert daemon.reasons() == ["stopped"]
    daemon.start()  # and again, in the same process
    daemon.stop(1)


def test_reasons_come_from_the_parts(conf):
    log = []
    daemon = service.Daemon(
        conf, "d", [Recorder("a", log), Recorder("b", log, "no broker")]
    )
    daemon.start()
    assert daemon.reasons() == ["no broker"]
    findings = {found.part: found.reason for found in daemon.health.findings()}
    assert findings == {"a": None, "b": "no broker"}
    daemon.stop(1)


def test_all_parts_share_one_limit(conf):
    seen = []

    class Late(Recorder):
        def stop(self, deadline):
            seen.append(deadline - time.monotonic())
            time.sleep(0.1)

    daemon = service.Daemon(conf, "d", [Late("a", []), Late("b", [])])
    daemon.start()
    daemon.stop(5)
    assert 4.9 < seen[0] <= 5 and seen[1] < seen[0] - 0.09


def test_what_is_away_is_waited_for_and_told(conf, monkeypatch):
    monkeypatch.setattr(parts, "FIRST_WAIT_S", 0.01)
    log, there = [], threading.Event()

    def check():
        if not there.is_set():
            raise exception.DatabaseUnavailable(reason="refused")

    daemon = service.Daemon(
        conf, "d", [Recorder("a", log)], checks=[("the database", check)]
    )
    thread = threading.Thread(target=daemon.start)
    thread.start()
    time.sleep(0.2)
    assert log == []
    assert daemon.reasons() == [
        "waiting for the database: The database cannot be used: refused"
    ]
    there.set()
    thread.join(5)
    assert log == ["start a"] and daemon.reasons() == []
    daemon.stop(1)


def test_a_start_that_waits_can_be_stopped(conf):
    log = []

    def check():
        raise ConnectionRefusedError

    daemon = service.Daemon(
        conf, "d", [Recorder("a", log)], checks=[("the database", check)]
    )
    thread = threading.Thread(target=daemon.start)
    thread.start()
    time.sleep(0.1)
    daemon.stop(1)
    thread.join(5)
    assert not thread.is_alive() and log == []


def test_what_waiting_cannot_mend_ends_the_start(conf):
    log = []

    def check():
        raise exception.SchemaMismatch(found="old", wanted="new")

    daemon = service.Daemon(
        conf, "d", [Recorder("a", log)], checks=[("the database", check)]
    )
    with pytest.raises(exception.SchemaMismatch, match="watcher-db-manage upgrade"):
        daemon.start()
    assert log == []


def test_reload_changes_mutable_options_and_restarts_nothing(conf, tmp_path, caplog):
    log = []
    daemon = service.Daemon(conf, "d", [Broken("x", log), Recorder("a", log)])
    daemon.start()
    (tmp_path / "watcher.conf").write_text("[DEFAULT]\nperiodic_interval = 7\n")
    daemon.reload()
    assert log == ["start x", "start a", "reload a 7"]
    (tmp_path / "watcher.conf").write_text("[DEFAULT\nnonsense")
    daemon.reload()
    assert conf.periodic_interval == 7
    assert "not read again" in caplog.text
    daemon.stop(1)


def test_a_configuration_that_cannot_work_names_every_mistake(tmp_path):
    path = tmp_path / "watcher.conf"
    path.write_text(
        "[watcher_decision_engine]\nnotification_topics = a.b.c\n"
        "[watcher_datasources]\ndatasources = prometheus, aetos\n"
        "[watcher_planner]\nplanner = wieght\n"
    )
    with pytest.raises(exception.StartRefused) as caught:
        service.prepare("watcher-test", ["--config-file", str(path)])
    assert "notification_topics" in str(caught.value)
    assert "datasources" in str(caught.value)
    assert "wieght" in str(caught.value)


def test_main_prints_the_reason_and_returns_one(tmp_path, capsys):
    path = tmp_path / "watcher.conf"
    path.write_text("[watcher_decision_engine]\nnotification_topics = a.b.c\n")
    status = service.main("watcher-test", None, ["--config-file", str(path)])
    assert status == 1
    assert "watcher-test: [watcher_decision_engine]" in capsys.readouterr().err
    assert service.main("watcher-test", None, ["--config-file", "/nowhere"]) == 1


def test_a_log_that_cannot_be_written_is_told_in_one_line(tmp_path, capsys):
    path = tmp_path / "watcher.conf"
    path.write_text("[DEFAULT]\nlog_file = /proc/nowhere/watcher.log\n")
    assert service.main("watcher-test", None, ["--config-file", str(path)]) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith("watcher-test: [DEFAULT] log_file: the log cannot be")


def test_overrides_reach_options_of_libraries():
    conf = service.prepare(
        "watcher-test", [],
        overrides={(None, "transport_url"): "fake://", ("database", "connection"): "x"},
    )  # fmt: skip
    assert conf.transport_url == "fake://" and conf.database.connection == "x"
    assert conf.graceful_shutdown_timeout == 60


def test_python_watcher_beside_us_is_refused(monkeypatch):
    service.refuse_python_watcher()

    class Other:
        version = "14.0.0"

    monkeypatch.setattr(metadata, "distribution", lambda name: Other())
    with pytest.raises(exception.StartRefused, match="pip uninstall python-watcher"):
        service.refuse_python_watcher()


def test_living_engines_of_another_watcher_are_refused():
    service.refuse_foreign([], 90)
    row = Service(id=1, name="watcher-applier", host="ctl1")
    with pytest.raises(exception.StartRefused) as caught:
        service.refuse_foreign([row], 90)
    text = str(caught.value)
    assert "watcher-applier on ctl1" in text and "wait 90 s" in text


@pytest.mark.parametrize(("down_s", "period_s"), [(90, 20), (30, 10), (600, 20)])
def test_heartbeats_come_three_times_as_often_as_needed(conf, down_s, period_s):
    conf.set_override("service_down_time", down_s)
    assert service.Heartbeat(conf, lambda stopped: None).period_s == period_s


def test_the_last_heartbeat_says_stopped(conf):
    beats = []
    heart = service.Heartbeat(conf, beats.append)
    heart.start()
    _until(lambda: beats == [False])
    assert heart.ready() is None
    heart.stop(time.monotonic() + 2)
    assert beats == [False, True]


def test_heartbeats_are_quick_while_others_wait_for_news(conf):
    waiting = [True]
    heart = service.Heartbeat(conf, lambda stopped: None, lambda: waiting[0])
    assert heart._pause_s() == service.EAGER_BEAT_S
    waiting.clear()
    waiting.append(False)
    assert heart._pause_s() == 20


def test_a_stop_without_a_limit_does_not_wait_for_the_database(conf, monkeypatch):
    monkeypatch.setattr("watcher.parts.GOODBYE_S", 0.1)
    back = threading.Event()
    heart = service.Heartbeat(conf, lambda stopped: back.wait(20))
    conf.set_override("graceful_shutdown_timeout", 0)
    daemon = service.Daemon(conf, "d", [heart])
    daemon.start()
    before = time.monotonic()
    daemon.stop()
    assert time.monotonic() - before < 5
    back.set()


def test_a_database_that_is_away_makes_the_heart_unready_not_dead(conf, monkeypatch):
    conf.set_override("service_down_time", 3)
    working = threading.Event()
    beats = []

    def beat(stopped):
        if not working.is_set():
            raise exception.DatabaseUnavailable(reason="away")
        beats.append(stopped)

    heart = service.Heartbeat(conf, beat)
    heart._ticker._seconds = 0.01
    heart.start()
    heart._last -= 3.3
    assert "no heartbeat could be written for 3 s" in heart.ready()
    working.set()
    _until(lambda: beats)
    assert heart.ready() is None
    heart.stop(time.monotonic() + 2)


def _until(check, seconds=5):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_daemon_that_ended_in_time_leaves_nobody_who_would_kill_the_process(conf):
    handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    before = set(threading.enumerate())
    try:
        service.Daemon(conf, "test", [])._stop_hard()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(2)
    assert not any(thread.is_alive() for thread in left)
