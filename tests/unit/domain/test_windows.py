"""Hours in which plans may begin something, with the clocks of several countries."""

import datetime

import pytest

from watcher.domain import windows
from watcher.domain.windows import Window

BERLIN = "Europe/Berlin"


def window(start, end, days=None, zone=BERLIN):
    given = {"from": start, "to": end, "timezone": zone}
    return Window.of(given | ({"days": days} if days else {}))


def at(text):
    return datetime.datetime.fromisoformat(text)


def berlin(text):
    """A moment by the clocks of Berlin"""
    zone = windows.zone(BERLIN)
    local = at(text).replace(tzinfo=zone)
    return local.astimezone(datetime.UTC).replace(tzinfo=None)


def test_without_windows_it_is_always_open():
    now = at("2026-11-27 12:00")
    assert windows.is_open((), now)
    assert windows.opens((), now) == now
    assert windows.closes((), now) is None


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-27 21:59", False),  # a Friday
        ("2026-11-27 22:00", True),
        ("2026-11-28 04:59", True),  # the night of Friday
        ("2026-11-28 05:00", False),
        ("2026-11-28 22:30", False),
        ("2026-11-26 22:30", False),
        ("2026-11-27 03:00", False),  # the night of Thursday
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(moment, expected):
    friday = [window("22:00", "05:00", ["fri"])]
    assert windows.is_open(friday, berlin(moment)) is expected


def test_when_it_opens_and_closes_is_told():
    nights = [window("22:00", "05:00", ["mon", "fri"])]
    now = berlin("2026-11-28 12:00")
    assert windows.opens(nights, now) == berlin("2026-11-30 22:00")
    assert windows.closes(nights, now) is None
    inside = berlin("2026-11-30 23:15")
    assert windows.opens(nights, inside) == inside
    assert windows.closes(nights, inside) == berlin("2026-12-01 05:00")
    assert windows.told(nights, inside) == "2026-11-30 23:15 Europe/Berlin"


def test_windows_of_several_zones_count_together():
    two = [
        window("01:00", "02:00", zone="UTC"),
        window("01:00", "02:00", zone="Asia/Tokyo"),
    ]
    assert windows.is_open(two, at("2026-11-27 01:30"))
    assert windows.is_open(two, at("2026-11-27 16:30"))
    assert windows.opens(two, at("2026-11-27 12:00")) == at("2026-11-27 16:00")


def test_windows_without_a_gap_close_when_the_last_closes():
    chain = [
        window("23:00", "24:00"),
        window("00:00", "03:00"),
        window("02:00", "04:00"),
    ]
    assert windows.closes(chain, berlin("2026-11-27 23:30")) == berlin(
        "2026-11-28 04:00"
    )


def test_the_same_time_twice_is_a_whole_day():
    whole = [window("06:00", "06:00", ["sat"])]
    assert windows.is_open(whole, berlin("2026-11-28 06:00"))
    assert windows.is_open(whole, berlin("2026-11-29 05:59"))
    assert not windows.is_open(whole, berlin("2026-11-29 06:00"))


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-28", 6), ("2026-10-24", 8), ("2026-11-27", 7)]
)
def test_the_clock_on_the_wall_counts_when_clocks_change(day, hours):
    night = window("22:00", "05:00")
    opens, closes = night.begun_on(datetime.date.fromisoformat(day))
    assert (closes - opens).total_seconds() == hours * 3600
    assert opens == berlin(f"{day} 22:00")


def test_a_time_that_the_clocks_leave_out_is_when_they_are_put_forward():
    # 29 March 2026: 02:00 becomes 03:00, which is 01:00 UTC.
    sunday = datetime.date(2026, 3, 29)
    assert window("02:30", "04:00").begun_on(sunday) == (
        at("2026-03-29 01:00"), at("2026-03-29 02:00"),
    )  # fmt: skip
    assert window("01:00", "02:10").begun_on(sunday)[1] == at("2026-03-29 01:00")
    # All of it is left out: the next one is on Monday.
    lost = [window("02:10", "02:50")]
    assert windows.opens(lost, at("2026-03-29 00:00")) == at("2026-03-30 00:10")


def test_of_a_time_that_comes_twice_the_first_counts():
    # 25 October 2026: 03:00 becomes 02:00; 02:30 is at 00:30 and 01:30 UTC.
    sunday = datetime.date(2026, 10, 25)
    opens, closes = window("02:30", "04:00").begun_on(sunday)
    assert (opens, closes) == (at("2026-10-25 00:30"), at("2026-10-25 03:00"))


@pytest.mark.parametrize("zone", [BERLIN, "America/New_York", "Australia/Lord_Howe"])
def test_through_a_whole_year_opening_is_never_in_the_past(zone):
    some = [
        window("22:10", "01:50", ["tue", "sat"], zone),
        window("02:15", "02:45", None, zone),
    ]
    now = at("2026-01-01 00:07")
    while now < at("2027-01-01 00:00"):
        opening = windows.opens(some, now)
        assert opening is not None and opening >= now
        assert windows.is_open(some, opening)
        assert windows.is_open(some, now) == (opening == now)
        if opening > now:
            assert not windows.is_open(some, opening - datetime.timedelta(seconds=1))
        closing = windows.closes(some, opening)
        assert closing > opening and not windows.is_open(some, closing)
        now += datetime.timedelta(hours=55, minutes=13)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"from": "22:00", "to": "25:00"}, "25:00"),
        ({"from": "24:00", "to": "05:00"}, "from"),
        ({"from": "22:00", "to": "05:00", "timezone": "Europe/Atlantis"}, "Atlantis"),
        ({"from": "22:00", "to": "05:00", "timezone": "../../etc/passwd"}, "passwd"),
        ({"from": "22:00", "to": "05:00", "timezone": "Europe"}, "Europe"),
        ({"from": "22:00", "to": "05:00", "timezone": "\udcff\0"}, "time zone"),
    ],
)
def test_what_is_no_window_is_named(given, named):
    with pytest.raises(ValueError, match=named):
        Window.of(given)
