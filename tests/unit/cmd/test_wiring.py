"""The heartbeat of a decision engine tells the API how old its model is."""

import time

import pytest

from tests import worlds
from watcher.cmd.wiring import Wiring
from watcher.db import services


@pytest.fixture
def world(tmp_path):
    made = worlds.World(f"sqlite:///{tmp_path / 'w.sqlite'}")
    made.conf.set_override("host", "h1")
    yield made
    made.close()


def age(world):
    return world.db.read(services.model_age, 90)


def until(check, seconds=10):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)


def test_a_model_that_is_read_right_after_a_beat_is_told_soon(world, monkeypatch):
    monkeypatch.setattr("watcher.service.EAGER_BEAT_S", 0.1)
    known = []

    def model_age_s():
        if known:
            return known[0]
        # It is there a moment later, long before the next beat would come.
        known.append(30.0)
        return None

    heart = Wiring(world.conf, "watcher-decision-engine").heartbeat(model_age_s)
    heart.start()
    try:
        until(lambda: age(world) is not None)
        assert age(world) == pytest.approx(30, abs=5)
        assert heart._pause_s() == heart.period_s
    finally:
        heart.stop(time.monotonic() + 5)
    # A clean stop takes the model with it.
    assert age(world) is None


def test_other_services_have_no_model_and_do_not_hurry(world):
    heart = Wiring(world.conf, "watcher-applier").heartbeat()
    heart.start()
    try:
        until(lambda: world.db.read(services.ages, "watcher-applier"))
        assert age(world) is None and heart._pause_s() == heart.period_s
    finally:
        heart.stop(time.monotonic() + 5)
