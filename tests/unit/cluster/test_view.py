"""Moves tried out on a model."""

import pytest

from watcher import exception


def test_the_model_stays_as_it_is(cloud):
    cloud.node("a").node("b").server("s1", on="a").server("s2", on="a")
    model, view = cloud.model, cloud.view
    move = view.move("s1", to=view.node("b"), reason="a is hot")
    assert (move.instance, move.source, move.target, move.kind) == (
        "s1",
        "a",
        "b",
        "live",
    )
    assert move.reason == "a is hot" and view.moves == [move]
    assert [i.uuid for i in view.on("b")] == ["s1"]
    assert [i.uuid for i in view.on("a")] == ["s2"]
    assert view.host_of("s1") == "b"
    assert view.model.get_node_by_instance_uuid("s1").hostname == "a"
    assert model.to_list() == view.model.to_list()


def test_there_and_back(cloud):
    view = cloud.node("a").node("b").server("s", on="a").view
    view.move("s", to="b")
    assert list(view.moved()) == ["s"]
    view.move("s", to="a")
    assert [i.uuid for i in view.on("a")] == ["s"] and view.on("b") == []
    assert list(view.moved()) == []
    assert view.room("b").vcpus == 16


def test_a_copy_goes_its_own_way(cloud):
    view = cloud.node("a").node("b").server("s", on="a").view
    trial = view.copy()
    trial.move("s", to="b")
    trial.disable("a")
    assert view.host_of("s") == "a" and view.moves == [] and view.is_open.all()


def test_what_makes_no_sense_is_an_error(cloud):
    view = cloud.node("a").server("s", on="a").view
    with pytest.raises(exception.IllegalArgumentException):
        view.move("s", to="a")
    with pytest.raises(exception.ComputeNodeNotFound):
        view.move("s", to="x")
    with pytest.raises(exception.InstanceNotMapped):
        view.move("x", to="a")
    with pytest.raises(exception.ComputeNodeNotFound):
        view.node("x")
