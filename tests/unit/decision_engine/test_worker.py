"""What goes between an engine and the processes of strategies."""

import datetime
import json
import logging
import os
import socket
import traceback

import numpy
import pytest
from oslo_config import cfg

import watcher.conf
from watcher import exception
from watcher.decision_engine.audit import sentence
from watcher.decision_engine.strategy.dummy import DummyStrategy
from watcher.decision_engine.worker import failure, wire
from watcher.decision_engine.worker.setup import Setup
from watcher.plugins import STRATEGIES, Plugins


@pytest.fixture
def ends():
    one, other = socket.socketpair()
    other.settimeout(0.01)
    with one, other:
        yield one, other


class TestWire:
    def test_a_message_comes_in_pieces(self, ends):
        one, other = ends
        reader = wire.Reader(other)
        wire.tell(one, {"a": "x" * 1000})
        wire.tell(one, {"b": 2})
        data = other.recv(10_000)
        sender, receiver = socket.socketpair()
        with sender, receiver:
            receiver.settimeout(0.01)
            reader = wire.Reader(receiver)
            found = []
            for byte in data:
                sender.send(bytes([byte]))
                if (document := reader.read()) is not None:
                    found.append(document)
            assert found == [{"a": "x" * 1000}, {"b": 2}]
            assert reader.read() is None

    def test_several_in_one_piece_are_several(self, ends):
        one, other = ends
        reader = wire.Reader(other)
        for number in range(3):
            wire.tell(one, {"n": number})
        assert [reader.read()["n"] for _ in range(3)] == [0, 1, 2]

    def test_the_end_is_told(self, ends):
        one, other = ends
        reader = wire.Reader(other)
        one.sendall(b"\0\0")
        one.close()
        assert reader.read() is None
        with pytest.raises(wire.Closed):
            reader.read()

    @pytest.mark.parametrize(
        "data",
        [
            b"\xff" * 40,
            b"\0" * 11 + b"\x03" + b"{x}",
            b"\0" * 11 + b"\x02" + b"[]",
            b"\0" * 11 + b"\x01" + b"\xff",
            b"\0\0\0\x01" + b"\0" * 8,
        ],
    )
    def test_what_is_no_message_is_not_believed(self, ends, data):
        one, other = ends
        one.sendall(data)
        with pytest.raises(wire.Garbled):
            wire.Reader(other).read()

    def test_files_come_along(self, ends):
        one, other = ends
        other.settimeout(None)
        read, write = os.pipe()
        wire.send(one, ("job", 1), (write,))
        os.close(write)
        message, (file,) = wire.receive(other)
        os.write(file, b"x")
        os.close(file)
        assert message == ("job", 1) and os.read(read, 1) == b"x"
        os.close(read)
        one.close()
        with pytest.raises(wire.Closed):
            wire.receive(other)

    def test_numbers_moments_and_sets_become_plain(self, ends):
        one, other = ends
        wire.tell(
            one,
            {
                "numbers": [numpy.int64(2), numpy.float32(0.5), numpy.bool_(True)],
                "moment": datetime.datetime(2026, 1, 1),
                "set": {"b", "a"},
            },
        )
        assert wire.Reader(other).read() == {
            "numbers": [2, 0.5, True],
            "moment": "2026-01-01T00:00:00",
            "set": ["a", "b"],
        }

    def test_nothing_is_sent_of_what_is_not_plain_or_too_long(self, ends, monkeypatch):
        one, other = ends
        with pytest.raises(TypeError, match="object is no plain data"):
            wire.tell(one, {"x": object()})
        monkeypatch.setattr(wire, "LONGEST_MB", 1)
        with pytest.raises(ValueError, match="2 MiB are more than 1 MiB"):
            wire.tell(one, {"x": "y" * 2**21})
        assert wire.Reader(other).read() is None


def raised(error):
    try:
        raise error
    except BaseException as caught:
        return failure.decode(json.loads(json.dumps(failure.encode(caught))))


class TestFailure:
    @pytest.mark.parametrize(
        "error",
        [
            exception.InstanceNotFound(name="x"),
            exception.ClusterStateNotDefined(),
            exception.NovaClientError("Nova is away", http_status=500, unknown=True),
            exception.MetricNotAvailable(metric="cpu"),
            ValueError("one\ntwo"),
            KeyError("x"),
            RuntimeError(),
        ],
    )
    def test_an_operator_is_told_the_same(self, error):
        assert sentence(raised(error), "s", "strategy") == sentence(
            error, "s", "strategy"
        )

    def test_what_an_error_of_ours_knows_comes_along(self):
        error = raised(
            exception.NovaClientError("x", http_status=500, unknown=True, more=object())
        )
        assert (error.http_status, error.unknown) == (500, True)
        assert "more" not in error.kwargs

    def test_the_log_has_the_place(self):
        error = raised(ValueError("x"))
        text = "".join(traceback.format_exception(error))
        assert "test_worker.py" in text and "raise error" in text

    @pytest.mark.parametrize(
        "document", [{}, {"known": "Any"}, {"known": "os", "class": "X"}]
    )
    def test_whatever_comes_is_an_error(self, document):
        assert isinstance(failure.decode(document), failure.Foreign)

    @pytest.mark.parametrize("name", ["StateChanged", "LeaseLost"])
    def test_only_the_engine_concludes_that_an_audit_is_lost(self, name):
        cls = getattr(exception, name)
        assert not isinstance(raised(cls("x")), cls)


class Optional(DummyStrategy):
    """A strategy with an option"""

    @classmethod
    def get_config_opts(cls):
        return [cfg.StrOpt("colour", default="red"), cfg.StrOpt("shape")]


class TestSetup:
    @pytest.fixture(autouse=True)
    def quiet(self, monkeypatch):
        """Logs of this process stay as they are"""
        monkeypatch.setattr("oslo_log.log.setup", lambda *_: None)
        monkeypatch.setenv("PYTHONPATH", "/somewhere")
        yield
        logging.getLogger("watcher.plugins").setLevel(logging.NOTSET)

    def built(self, conf, plugins):
        return Setup.of(conf, plugins).build()

    def test_files_overrides_and_defaults(self, tmp_path):
        file = tmp_path / "watcher.conf"
        file.write_text(
            "[DEFAULT]\nhost = filed\n"
            "[collector]\ncollector_plugins = compute, baremetal\n"
            "[watcher_strategies.optional]\nshape = round\n"
        )
        conf = watcher.conf.load(
            "test",
            ["--config-file", str(file), "--debug"],
            overrides={("watcher_decision_engine", "max_audit_workers"): 9},
        )
        plugins = Plugins.of({STRATEGIES: {"optional": Optional}}, conf)
        plugins.classes(STRATEGIES)
        conf.set_override("colour", "blue", "watcher_strategies.optional")
        # A file that changes counts when the engine reads it again, not before.
        file.write_text("[DEFAULT]\nhost = later\n")
        made, others = self.built(conf, plugins)
        assert made.host == "filed" and made.debug
        assert made.collector.collector_plugins == ["compute", "baremetal"]
        assert made.watcher_decision_engine.max_audit_workers == 9
        assert made.watcher_decision_engine.work_scan_interval == 5
        assert others.options(STRATEGIES, "optional") == {
            "colour": "blue",
            "shape": "round",
        }
        assert os.environ["PYTHONPATH"] == "/somewhere"

    def test_only_the_engine_puts_files_of_logs_aside(self):
        conf = watcher.conf.load(
            "test",
            default_config_files=[],
            default_config_dirs=[],
            overrides={(None, "log_rotation_type"): "size"},
        )
        made, _plugins = self.built(conf, Plugins.of({}, conf))
        assert made.log_rotation_type == "none"
