"""Log lines say which plan and action they are about."""

import io
import json
import logging
import threading

import pytest
from oslo_log import formatters
from oslo_log import log as oslo_log

import watcher.conf
from watcher import logs


@pytest.fixture(params=[formatters.ContextFormatter, formatters.JSONFormatter])
def handler(request):
    conf = watcher.conf.load("test", default_config_files=[])
    found = logging.StreamHandler(io.StringIO())
    json_lines = request.param is formatters.JSONFormatter
    found.setFormatter(request.param() if json_lines else request.param(config=conf))
    root = logging.getLogger()
    root.addHandler(found)
    level = root.level
    root.setLevel(logging.INFO)
    logs.install()
    logs.install()
    assert len(found.filters) == 1
    yield found
    root.setLevel(level)
    root.removeHandler(found)


def lines(handler):
    return handler.stream.getvalue().splitlines()


def test_lines_of_ours_and_of_libraries_name_what_they_are_about(handler):
    ours, theirs = oslo_log.getLogger("watcher.x"), logging.getLogger("novaclient")
    ours.info("before")
    with logs.about(plan="p1"):
        ours.warning("of the plan")
        with logs.about(action="a1"):
            theirs.info("of the action, %d %%", 5)
        ours.info("of the plan again")
        thread = threading.Thread(target=ours.info, args=("elsewhere",))
        thread.start()
        thread.join()
    ours.info("after")
    subjects = ["", "plan p1", "plan p1 action a1", "plan p1", "", ""]
    assert len(lines(handler)) == len(subjects)
    for line, subject in zip(lines(handler), subjects, strict=True):
        if isinstance(handler.formatter, formatters.JSONFormatter):
            extra = json.loads(line)["extra"]
            told = {key: extra[key] for key in ("plan", "action") if key in extra}
            assert " ".join(f"{kind} {name}" for kind, name in told.items()) == subject
        else:
            assert (f"] [{subject}] " in line) == bool(subject), line
            assert ("[plan" in line) == bool(subject), line
    assert "5 %" in handler.stream.getvalue()


def test_the_subject_ends_with_an_error():
    with pytest.raises(ValueError), logs.about(plan="p1"):
        raise ValueError
    assert logs.subject() == ""


def test_a_line_that_has_an_instance_of_its_own_keeps_it(handler):
    if isinstance(handler.formatter, formatters.JSONFormatter):
        pytest.skip("there is no such field")
    with logs.about(plan="p1"):
        oslo_log.getLogger("watcher.x").info("of a server", instance="[server s] ")
    assert "[server s] of a server" in lines(handler)[0]
