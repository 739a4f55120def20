"""Scope documents: forms that are accepted, errors that name the place."""

import pytest

from watcher import exception
from watcher.cluster.collector.compute import ComputeCollector
from watcher.cluster.scope.compute import ComputeScope
from watcher.cluster.scope.document import Checker, check
from watcher.domain import scope
from watcher.plugins import COLLECTORS, SCOPE_HANDLERS, Plugins

CHECKER = Checker({"compute": ComputeScope.SCHEMA}, {"compute": ComputeScope})
ZONE = {"availability_zones": [{"name": "z"}]}


@pytest.mark.parametrize(
    ("document", "normal"),
    [
        (None, []),
        ({}, []),
        ([], []),
        ([{"compute": [ZONE]}], [{"compute": [ZONE]}]),
        ([ZONE], [{"compute": [ZONE]}]),
        ([{"availability_zone": [{"name": "z"}]}], [{"compute": [ZONE]}]),
        (
            [{"exclude": [{"instance": [{"uuid": "u"}]}]}],
            [{"compute": [{"exclude": [{"instances": [{"uuid": "u"}]}]}]}],
        ),
        ([{"compute": []}], [{"compute": []}]),
    ],
)
def test_normal_form(document, normal):
    assert CHECKER.check(document) == normal
    assert scope.normalise(document) == normal


def test_every_key_of_every_object_counts():
    document = [{"compute": [1], "storage": [2]}, {"baremetal": [3]}, {"compute": [4]}]
    assert scope.section(document, "compute") == [1, 4]
    assert scope.section(document, "storage") == [2]
    assert scope.section(document, "baremetal") == [3]
    assert scope.section([], "compute") == []
    assert scope.section([ZONE], "compute") == [ZONE]
    assert scope.section([ZONE], "storage") == []


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (7, "/scope"),
        ("text", "/scope"),
        ({"compute": []}, "/scope"),
        ([7], "/scope/0"),
        ([{}], "/scope/0"),
        ([{"compute": []}, {}], "/scope/1"),
        ([{"host_aggregate": [], "host_aggregates": []}], "/scope/0"),
        ([{"compute": [ZONE], "other": []}], "/scope/0"),
        ([{"compute": {}}], "/scope/0/compute"),
        ([{"compute": [{"zones": []}]}], "/scope/0/compute/0"),
        (
            [{"compute": [ZONE, {"host_aggregates": [{"id": "x"}]}]}],
            "/scope/0/compute/1/host_aggregates/0",
        ),
        (
            [{"compute": [{"host_aggregates": [7]}]}],
            "/scope/0/compute/0/host_aggregates/0",
        ),
        (
            [{"compute": [{"exclude": [{"servers": []}]}]}],
            "/scope/0/compute/0/exclude/0",
        ),
        # Errors in the old form point into what was sent.
        ([ZONE, {"host_aggregates": 7}], "/scope/1/host_aggregates"),
        ([{"storage": []}, {"compute": [{"x": 1}]}], "/scope/1/compute/0"),
    ],
)
def test_errors_name_the_place(document, path):
    """audits.md S1, S2: a scope that is none is a 400 with its path"""
    with pytest.raises(exception.Invalid) as caught:
        CHECKER.check(document)
    assert caught.value.kwargs["path"].startswith(path)
    assert caught.value.kwargs["field"] == "scope"
    assert str(caught.value).startswith(path) and caught.value.code == 400


@pytest.mark.parametrize(
    "rules",
    [
        [
            {"host_aggregates": [{"id": 1}]},
            {"exclude": [{"host_aggregates": [{"id": 2}]}]},
        ],
        [
            {
                "host_aggregates": [{"id": 1}],
                "exclude": [{"host_aggregates": [{"id": 2}]}],
            }
        ],
    ],
)
def test_aggregates_are_not_included_and_excluded_at_once(rules):
    """audits.md S3: in whichever object, and in one rule as well as in two"""
    for document in (
        [{"compute": rules}],
        [{"storage": []}, {"compute": rules}],
        rules,
    ):
        with pytest.raises(exception.Invalid, match="host_aggregates"):
            CHECKER.check(document)


@pytest.mark.parametrize(
    "rule",
    [
        {"host_aggregates": [{"id": "*"}, {"id": 1}]},
        {"host_aggregates": [{"name": "a"}, {"name": "*"}]},
        {"availability_zones": [{"name": "*"}, {"name": "z"}]},
        {"exclude": [{"host_aggregates": [{"id": "*"}, {"id": 1}]}]},
    ],
)
def test_a_wildcard_stands_alone(rule):
    with pytest.raises(exception.Invalid, match="must be alone"):
        CHECKER.check([{"compute": [rule]}])


def test_models_that_are_not_kept_may_be_spoken_of():
    """audits.md S2: a scope about storage alone is one"""
    document = [
        {"storage": [{"exclude": [{"storage_pools": [{"name": "h@b#p"}]}]}]},
        {"baremetal": [{"exclude": [{"ironic_nodes": [{"uuid": "u"}]}]}]},
    ]
    assert CHECKER.check(document) == document
    with pytest.raises(exception.Invalid, match="/scope/0/storage/0/exclude/0"):
        CHECKER.check([{"storage": [{"exclude": [{"pools": []}]}]}])


def test_schemas_come_from_the_plugins():
    class Racks(ComputeScope):
        SCHEMA = {"type": "array", "items": {"type": "integer"}}

    plugins = Plugins.of(
        {COLLECTORS: {"compute": ComputeCollector}, SCOPE_HANDLERS: {"racks": Racks}}
    )
    checker = Checker.of(plugins)
    assert checker.check([{"racks": []}, {"compute": [ZONE]}])
    with pytest.raises(exception.Invalid, match="/scope/0/racks/0"):
        checker.check([{"racks": ["x"]}])
    with pytest.raises(exception.Invalid):
        check([{"compute": [7]}], {"compute": ComputeScope.SCHEMA})
