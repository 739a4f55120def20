"""Who tells that a service is gone, and that it is told once."""

from watcher.domain.records import Service
from watcher.notifications.monitor import ServiceMonitor


class Cloud:
    """Ages of heartbeats by host"""

    def __init__(self, **ages):
        self.ages = ages

    def look(self):
        return [
            (Service(id=number, name="watcher-applier", host=host), age)
            for number, (host, age) in enumerate(sorted(self.ages.items()))
        ]


def monitor(cloud, host, told):
    def tell(service, old, new):
        told.append((host, service.host, old, new))

    return ServiceMonitor(cloud.look, tell, host, 90.0, 60.0)


def test_the_first_host_tells_each_change_once():
    told, cloud = [], Cloud(a=1, b=1)
    one, two = monitor(cloud, "a", told), monitor(cloud, "b", told)
    for ages in ({"b": 1}, {"b": 91}, {"b": 200}, {"b": 1}, {"b": 1}):
        cloud.ages |= ages
        one.look()
        two.look()
    assert told == [("a", "b", "ACTIVE", "FAILED"), ("a", "b", "FAILED", "ACTIVE")]


def test_what_is_first_seen_is_no_change():
    told, cloud = [], Cloud(a=1, b=500)
    monitor(cloud, "a", told).look()
    assert told == []


def test_when_the_speaker_dies_the_next_one_speaks():
    told, cloud = [], Cloud(a=1, b=1)
    two = monitor(cloud, "b", told)
    two.look()
    cloud.ages["a"] = 100
    two.look()
    assert told == [("b", "a", "ACTIVE", "FAILED")]


def test_what_the_speaker_left_unsaid_is_said_by_the_next_but_not_for_ever():
    told, cloud = [], Cloud(a=1, b=1, c=1)
    two = monitor(cloud, "b", told)
    two.look()
    cloud.ages["c"] = 100
    two.look()  # a should say it, and dies
    cloud.ages["a"] = 100
    two.look()
    assert ("b", "c", "ACTIVE", "FAILED") in told
    told.clear()
    cloud.ages |= {"a": 1, "c": 1}
    for _ in range(4):
        two.look()
    cloud.ages["a"] = 100
    two.look()
    assert told == [("b", "a", "ACTIVE", "FAILED")]


def test_a_clock_that_runs_ahead_counts_in_both_directions():
    told, cloud = [], Cloud(a=1, b=-80)
    one = monitor(cloud, "a", told)
    one.look()
    cloud.ages["b"] = -100
    one.look()
    assert told == [("a", "b", "ACTIVE", "FAILED")]
