"""Hypothesis strategies for values that are hard to read, store, compare or show.

Every field gets good values too, and documents that are right but for one place: what is
wrong everywhere is refused at the first look and finds little.
"""

import datetime
import string

from hypothesis import strategies as st

NASTY = (
    "", " ", "\t\n", "0", "-1", "null", "None", "true", "detail", "a.json", "x.xml",
    "a/b", "../..", "%2f", "%00", "a\0b", "\ud800", "a\udfffb", "\U0001f600", "é", "e\u0301",
    "ß", "İ", "ı", "Σς", "\u202e\u2066", "\ufeff", "\u2028", "\x7f", "\x1b[31m", "\\", "'", '"',
    "'; DROP TABLE audits; --", "%s%n{0}{x}${7*7}", "<a&b>]]>", "😀" * 63, "x" * 63, "x" * 64,
    "x" * 255, "x" * 256, "é" * 63, "é" * 64, "é" * 255, "x" * 5000, "DUMMY", "Dummy",
    "dummy ", " dummy", "٣", "１２", "1e3", "0x10", "1_000", "NaN", "Infinity", "_id", "__class__",
    "_", "%", "a_c", "2026-01-01", "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
NUMBERS = (
    0, 1, -1, 2, 3.2, -0.0, 1e-300, 1e308, 10.2, 10.3, 2**31 - 1, 2**31, -(2**31) - 1,
    2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**17, 10**18, 10**30, 10**400,
)  # fmt: skip


def weighted(*choices):
    """One of several strategies, given as pairs with their weights

    (``one_of`` takes what is inside of its parts apart, and integers prefer their ends.)
    """
    table = [source for weight, source in choices for _n in range(weight)]
    return st.sampled_from(range(len(table))).flatmap(table.__getitem__)


texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=12),
    st.text(string.ascii_letters + "0123456789-_. ", max_size=70),
)
names = st.one_of(
    st.text(string.ascii_lowercase + string.digits, min_size=6, max_size=12),
    texts,
    st.integers(60, 66).map(lambda size: "n" * size),
)
numbers = st.one_of(
    st.sampled_from(NUMBERS),
    st.integers(-5, 20),
    st.floats(allow_nan=False, allow_infinity=False),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
documents = st.recursive(
    scalars,
    lambda child: (
        st.lists(child, max_size=4)
        | st.dictionaries(st.one_of(st.sampled_from("abc"), texts), child, max_size=4)
    ),
    max_leaves=8,
)


def nested(depth, kind):
    """A value that many levels deep"""
    value = "x"
    for _level in range(depth):
        value = [value] if kind == "list" else {"k": value}
    return value


deep = st.builds(
    nested, st.sampled_from((5, 45, 48, 49, 50, 51, 52, 99, 300)),
    st.sampled_from(("list", "dict")),
)  # fmt: skip
anything = st.one_of(scalars, documents, scalars, documents, deep)


# Intervals --------------------------------------------------------------------------

_cron_parts = st.one_of(
    st.sampled_from(
        ("*", "0", "*/5", "1-5", "0,30", "59", "60", "L", "mon", "MON-FRI", "feb", "?", "7",
         "31", "29", "30", "*/0", "5-1", "1-100", "-", ",", "1#5", "5#6", "L5", "2099",
         "1970", "3000", "1/2", "*/61", "H", "R", "W", "15W", "٣", "１"),
    ),
    st.text("0123456789*/,-#LW?", min_size=1, max_size=6),
)  # fmt: skip
crons = st.lists(_cron_parts, min_size=1, max_size=8).map(" ".join)
_hard_intervals = st.one_of(
    st.sampled_from(
        ("0", "-1", "+5", " 5 ", "5.0", "1e3", "٣٣", "１２", "2147483647", "2147483648",
         "9" * 36, "9" * 37, "@never", "@reboot", "@HOURLY", "0 0 30 2 *", "0 0 29 2 *",
         "0 0 31 4 *", "* * * * * * 1999", "* * * * * * 2099", "* * * * * * 9999",
         "0 0 31 2,4,6,9,11 *", "0 0 29 2 * 0 2100", "*\t*\n* * *", "* * * *",
         "* * * * * * * *", "%s * * * *", "0-59/0 * * * *", "* * * * mon#6",
         "1,2,3,4,5,6,7,8,9,10,11,12,13 * * * *", "H H * * *", "R(1-5) * * * *", "\0"),
    ),
    crons,
    st.integers(-3, 10**6),
    st.integers(-3, 10**6).map(str),
    scalars,
)  # fmt: skip
good_intervals = st.sampled_from(
    ("3600", "1", "*/5 * * * *", "@hourly", "0 0 * * 0", "* * * * * 30")
)
intervals = weighted((3, good_intervals), (4, _hard_intervals))


# Times ------------------------------------------------------------------------------

_offsets = st.sampled_from(
    ("", "Z", "+00:00", "+01:00", "-11:30", "+14:00", "-23:59", "+24:00", "+0530", "+05",
     "+00:00:01", "+00:00:00.000001", " UTC", "[Europe/Berlin]"),
)  # fmt: skip
_moments = st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime.max).map(
    lambda moment: moment.isoformat()
)
_later = st.datetimes(datetime.datetime(2026, 1, 1), datetime.datetime(2040, 1, 1)).map(
    lambda moment: moment.isoformat(timespec="seconds")
)
_hard_times = st.one_of(
    st.builds(str.__add__, _moments, _offsets),
    st.builds(str.__add__, _later, _offsets),
    st.sampled_from(
        ("2026-03-29T02:30:00+01:00", "2026-03-29T02:30:00", "2011-12-30T12:00:00",
         "2026-10-25T02:30:00", "2026-02-29", "2024-02-29",
         "2026-W05-3", "20260301T000000Z", "20260301", "10:00", "24:00", "T10:00+01:00",
         "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:60Z",
         "0999-12-31T23:59:59", "1000-01-01T00:00:00", "1969-12-31", "2038-01-19T03:14:08",
         "2026-01-01T00:00:00.123456789", "2026-01-01 00:00", "2026-1-1", "now", "tomorrow",
         "٢٠٢٦-01-01", "10000-01-01", "-0001-01-01", "2026-01-01T00:00:00+99:99",
         "0000-00-00 00:00:00"),
    ),
    scalars,
)  # fmt: skip
times = weighted((2, _later), (3, _hard_times))


_windows = st.tuples(_later, _later).map(sorted)
_zoned = st.builds(
    str.__add__,
    _later,
    st.sampled_from(("", "Z", "+01:00", "-11:30", "+14:00", "+0530")),
)
# Start and end of a run, in this order but for a few.
windows = st.one_of(_windows, _windows, st.tuples(_zoned, _zoned))


# Scopes -----------------------------------------------------------------------------

_named = st.builds(lambda name: {"name": name}, texts | st.just("*"))
_idents = st.builds(lambda uuid: {"uuid": uuid}, texts | st.uuids().map(str))
_aggregates = st.lists(
    _named | st.builds(lambda ident: {"id": ident}, st.integers(-1, 5) | st.just("*")),
    max_size=3,
)


def _some(**keys):
    return st.fixed_dictionaries({}, optional=keys)


_compute = st.lists(
    _some(
        host_aggregates=_aggregates,
        availability_zones=st.lists(_named, max_size=2),
        exclude=st.lists(
            _some(
                instances=st.lists(_idents, max_size=2),
                compute_nodes=st.lists(_named, max_size=2),
                host_aggregates=_aggregates,
                instance_metadata=st.lists(
                    st.dictionaries(texts, scalars, max_size=2), max_size=2
                ),
                projects=st.lists(_idents, max_size=2),
            ),
            max_size=2,
        ),
    ),
    max_size=3,
)
_storage = st.lists(
    _some(
        availability_zones=st.lists(_named, max_size=2),
        volume_types=st.lists(_named, max_size=2),
        exclude=st.lists(
            _some(
                storage_pools=st.lists(_named, max_size=2),
                volumes=st.lists(_idents, max_size=2),
                projects=st.lists(_idents, max_size=2),
            ),
            max_size=2,
        ),
    ),
    max_size=2,
)
_baremetal = st.lists(
    _some(
        exclude=st.lists(_some(ironic_nodes=st.lists(_idents, max_size=2)), max_size=2)
    ),
    max_size=2,
)
_layered = st.lists(
    _some(compute=_compute, storage=_storage, baremetal=_baremetal),
    max_size=2,
)
_singular = st.lists(
    st.sampled_from(
        ({"availability_zone": [{"name": "a"}]}, {"host_aggregate": [{"id": 1}]},
         {"exclude": [{"instance": "x"}]}, {"compute": {}}, {"network": []}, {}),
    ),
    max_size=2,
)  # fmt: skip
good_scopes = _layered | _compute


# One wrong place --------------------------------------------------------------------


def _places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _places(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _places(child, (*path, index))


def _replaced(value, path, change):
    if not path:
        return change(value)
    head, *rest = path
    copied = value.copy()
    copied[head] = _replaced(value[head], tuple(rest), change)
    return copied


@st.composite
def spoilt(draw, source, other=anything):
    """A document of ``source`` with one place replaced, removed, doubled or added to"""
    document = draw(source)
    places = list(_places(document))
    path = draw(st.sampled_from(places[:200]))
    how = draw(st.sampled_from(("replace", "replace", "remove", "add", "wrap")))
    extra = draw(other)
    key = draw(texts)

    def change(value):
        if how == "replace":
            return extra
        if how == "wrap":
            return [value]
        if isinstance(value, dict) and value:
            if how == "remove":
                return dict(list(value.items())[1:])
            return {**value, key: extra}
        if isinstance(value, list):
            return value[1:] if how == "remove" else [*value, extra]
        return extra

    return _replaced(document, path, change)


scopes = st.one_of(good_scopes, spoilt(good_scopes), _singular, anything)
good_parameters = _some(
    number=st.floats(1.0, 10.0),
    count=st.integers(0, 10),
    word=st.text(string.ascii_lowercase, max_size=5),
    choice=st.sampled_from(("a", "b", None)),
    flag=st.booleans(),
    nested=_some(
        depth=st.integers(),
        rows=st.lists(_some(k=documents), max_size=3),
    ),
    free=st.dictionaries(texts, documents, max_size=3),
)
parameters = st.one_of(
    good_parameters,
    spoilt(good_parameters),
    st.fixed_dictionaries({"must": texts}),
    st.just({}),
    anything,
)
