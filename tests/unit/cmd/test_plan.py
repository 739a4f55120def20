"""watcher-plan: what it shows, and what it ends with."""

import io
import itertools

import pytest
from rich.console import Console

from watcher.cmd import plan, planview
from watcher.cmd.planclient import Away, Refused

UUID = "22222222-2222-4222-8222-222222222222"
NOW = "2026-03-01T10:10:00+00:00"


def action(number, **more):
    return {
        "uuid": f"{number:08x}-2222-4222-8222-222222222222", "action_type": "migrate",
        "resource_id": "r", "resource_name": f"vm-{number}", "state": "ONGOING",
        "percent": 40.0, "bytes_total": 2**32, "bytes_remaining": 3 * 2**30,
        "started_at": "2026-03-01T10:08:55+00:00", "ended_at": None,
        "expected_end_at": "2026-03-01T10:12:00+00:00", "message": None,
        "waits_for": None, **more,
    }  # fmt: skip


def progress(state="ONGOING", percent=42.5, actions=(), **more):
    return {
        "action_plan_uuid": UUID, "state": state, "paused": False, "status_message": None,
        "percent": percent, "actions_count": 12,
        "states": {"ONGOING": len(actions), "SUCCEEDED": 5}, "now": NOW,
        "started_at": "2026-03-01T10:00:00+00:00", "ended_at": None,
        "expected_end_at": "2026-03-01T10:20:00+00:00",
        "applier": {"host": "h", "owner": "o", "alive": True, "heartbeat_at": NOW},
        "waits_for_takeover": False, "actions": list(actions), **more,
    }  # fmt: skip


def event(ident, old, new, **more):
    return {
        "id": ident, "at": "2026-03-01T10:09:30.123456+00:00", "resource": "action",
        "uuid": "u", "action_type": "migrate", "resource_id": None,
        "resource_name": "vm-1", "old_state": old, "new_state": new,
        "actor": "watcher-applier on h", "reason": "done", **more,
    }  # fmt: skip


class Script:
    """An API that answers with what it is given, one item for each look"""

    def __init__(self, *looks):
        self.looks = list(looks)
        self.asked = []

    def progress(self, uuid):
        self.found = self.looks.pop(0)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found[0]

    def history(self, uuid, after):
        self.asked.append(after)
        return iter(self.found[1])


def watch(*looks, wait_s=None, view=None):
    script, out = Script(*looks), io.StringIO()
    clock = itertools.count()
    status = plan.watch(
        script, UUID, view or planview.Lines(out), interval_s=1, wait_s=wait_s,
        clock=lambda: next(clock), sleep=lambda seconds: None,
    )  # fmt: skip
    return status, out.getvalue().splitlines(), script


def test_one_line_for_each_change():
    status, lines, script = watch(
        (
            progress(),
            [event(3, "PENDING", "ONGOING"), event(4, "ONGOING", "SUCCEEDED")],
        ),
        (progress(percent=43), []),
        (progress(percent=55.0), []),
        (
            progress("SUCCEEDED", 100.0, ended_at=NOW, expected_end_at=None),
            [event(7, "ONGOING", "SUCCEEDED", resource="action_plan", reason=None)],
        ),
    )
    assert status == 0
    assert lines == [
        "2026-03-01 10:09:30Z migrate vm-1: PENDING -> ONGOING: done",
        "2026-03-01 10:09:30Z migrate vm-1: ONGOING -> SUCCEEDED: done",
        "2026-03-01 10:10:00Z plan: 42.5 % over, 5 SUCCEEDED, for 10 min 00 s, ends about "
        "10:20:00Z",
        "2026-03-01 10:10:00Z plan: 55.0 % over, 5 SUCCEEDED, for 10 min 00 s, ends about "
        "10:20:00Z",
        "2026-03-01 10:09:30Z plan: ONGOING -> SUCCEEDED (by watcher-applier on h)",
        "2026-03-01 10:10:00Z plan: 100.0 % over, 5 SUCCEEDED, took 10 min 00 s",
    ]
    # What was printed is not asked for again.
    assert script.asked == [0, 4, 4, 4]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("SUCCEEDED", 0),
        ("FAILED", 3),
        ("CANCELLED", 4),
        ("SUPERSEDED", 5),
        ("DELETED", 5),
    ],
)
def test_the_status_tells_how_the_plan_ended(state, status):
    assert watch((progress(state), []))[0] == status
    assert f"  {status}  " in plan.EPILOG


def test_what_an_operator_should_know_is_said_once():
    gone = progress(paused=True, waits_for_takeover=True)
    _status, lines, _script = watch(
        (progress("RECOMMENDED", 0.0, started_at=None), []),
        (gone, []), (gone, []), (progress(), []), (gone, []),
        (progress("FAILED", status_message="no room"), []),
    )  # fmt: skip
    assert sum("its applier on h is gone" in line for line in lines) == 2
    assert sum("it is paused" in line for line in lines) == 2
    assert f"watcher-plan start {UUID}" in lines[0]
    assert "2026-03-01 10:10:00Z plan: no room" in lines


def test_an_api_that_is_lost_is_waited_for():
    status, lines, _script = watch(
        (progress(), []), Away("connection refused"), Away("connection refused"),
        (progress("SUCCEEDED"), []),
    )  # fmt: skip
    assert status == 0
    assert [line for line in lines if "answer" in line] == [
        "no answer: connection refused", "the API answers again",
    ]  # fmt: skip
    # One that never was there is somewhere else.
    with pytest.raises(Away):
        watch(Away("connection refused"))
    with pytest.raises(Refused):
        watch((progress(), []), Refused(404, "it is gone"))


def test_it_does_not_wait_for_ever_when_told_so():
    status, _lines, script = watch(*[(progress(), [])] * 9, wait_s=3)
    assert status == plan.LATE and len(script.looks) > 4


@pytest.mark.parametrize("width", [30, 50, 80, 120])
@pytest.mark.parametrize("height", [10, 40])
@pytest.mark.parametrize("colour", ["truecolor", None])
def test_a_table_fits_the_terminal(width, height, colour):
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=True, width=width, height=height, highlight=False,
        color_system=colour, _environ={},
    )  # fmt: skip
    rows = [action(1), action(2, percent=None), *(action(n) for n in range(3, 30))]
    events = [event(n, "PENDING", "ONGOING") for n in range(20)]
    status, _lines, _script = watch(
        (progress(actions=rows), events), Away("refused"),
        (progress("FAILED", status_message="because"), []),
        view=planview.Screen(console),
    )  # fmt: skip
    text = out.getvalue()
    assert status == 3
    assert (
        "vm-1" in text and "40 %" in text and "no answer" in text and "FAILED" in text
    )
    assert ("3.0 GiB" in text) == (width >= planview.MIDDLE)
    assert ("10:12:00Z" in text) == (width >= planview.WIDE)
    assert "more" in text and "because" in text
    assert ("\x1b[36m" in text) == bool(colour)


def test_words():
    assert planview.lasting(NOW, "2026-03-01T10:10:59+00:00") == "59 s"
    assert planview.lasting(NOW, "2026-03-01T13:15:00+00:00") == "3 h 05 min"
    assert planview.lasting(NOW, "2026-03-01T10:00:00+00:00") == "0 s"
    assert [planview.size(n) for n in (None, 0, 1023, 1536, 20 * 2**20, 2**50)] == [
        "", "0.0 B", "1023 B", "1.5 KiB", "20 MiB", "1024 TiB",
    ]  # fmt: skip
    odd = event(1, None, "PENDING", resource_name=None, reason="a\nb", action_type=None)
    assert planview.line(odd) == "2026-03-01 10:09:30Z action u: PENDING: a b"


def test_help_is_there_without_an_api(capsys):
    for words in (
        ["--help"],
        ["watch", "-h"],
        [],
        ["--os-cloud", "x", "list", "--help"],
    ):
        with pytest.raises(SystemExit) as ended:
            plan.main(words)
        assert ended.value.code == 0
        assert "watcher-plan" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["look"], ["watch"], ["watch", "P", "--interval", "0"], ["list", "--wai"]]
)
def test_wrong_use(words, capsys):
    with pytest.raises(SystemExit) as ended:
        plan.main(["--os-endpoint", "http://127.0.0.1:1", *words])
    assert ended.value.code == plan.USAGE
    assert "usage: watcher-plan" in capsys.readouterr().err


def test_the_bars_of_a_terminal_without_utf_8():
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(file=out, force_terminal=True, width=80, height=20, _environ={})
    with planview.Screen(console) as screen:
        screen.show(progress(actions=[action(1)]), [])
    out.flush()
    assert b"vm-1" in out.buffer.getvalue()
