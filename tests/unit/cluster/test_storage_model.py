"""The storage model: elements, places, columns, copies, other forms."""

import copy
import json
import math
import pickle
from xml.etree import ElementTree

import numpy as np
import pytest

from watcher import exception
from watcher.cluster.model.element import Instance, Pool, StorageNode, Volume
from watcher.cluster.model.places import Places
from watcher.cluster.model.storage import StorageModelRoot

NODE, POOL = "h@b", "h@b#p"


@pytest.fixture
def model():
    model = StorageModelRoot()
    for host in ("h@b", "h@c"):
        model.add_node(StorageNode(host=host, zone="z", volume_type=["fast"]))
        model.add_pool(Pool(name=f"{host}#p", total_capacity_gb=100))
        model.map_pool(f"{host}#p", host)
    for name, pool in (("v1", "h@b#p"), ("v2", "h@b#p"), ("v3", "h@c#p")):
        model.add_volume(Volume(uuid=name, size=10, metadata={"k": name}, host=pool))
        model.map_volume(name, pool)
    return model


def capacity(model, name=POOL):
    return model.pool_columns.total[model.pool_columns.row[name]]


class TestElements:
    def test_published_defaults(self):
        assert StorageNode().as_dict() == {
            "uuid": "",
            "human_id": "",
            "zone": "",
            "status": "enabled",
            "state": "up",
            "volume_type": [],
            "disabled_reason": None,
        }
        assert Pool().virtual_free == 0
        assert Volume(uuid="v").volume_type is None

    def test_a_capacity_that_is_not_known_raises_on_read(self):
        with pytest.raises(AttributeError, match="free_capacity_gb"):
            Pool(name="p").free_capacity_gb  # noqa: B018

    def test_capacities_are_whole_gb_or_unlimited(self):
        pool = Pool(total_capacity_gb=12.7, free_capacity_gb=math.inf, virtual_free=-3)
        assert (pool.total_capacity_gb, pool.virtual_free) == (12, -3)
        assert pool.free_capacity_gb == math.inf
        assert isinstance(pool.total_capacity_gb, int)

    def test_outsiders_find_them_by_the_published_paths(self):
        from watcher.decision_engine.model import element, model_root

        assert element.Volume is Volume and element.Pool is Pool
        assert element.VolumeState.IN_USE == "in-use"
        assert model_root.StorageModelRoot is StorageModelRoot


class TestLookingUp:
    def test_everything_is_found_from_both_sides(self, model):
        assert sorted(model.get_all_storage_nodes()) == ["h@b", "h@c"]
        assert sorted(model.get_all_volumes()) == ["v1", "v2", "v3"]
        node = model.get_node_by_name(POOL)
        assert node is model.get_node_by_name(NODE)
        assert model.get_node_by_pool_name(POOL) is node
        (pool,) = model.get_node_pools(node)
        assert pool is model.get_pool_by_pool_name(POOL)
        assert [v.uuid for v in model.get_pool_volumes(pool)] == ["v1", "v2"]
        assert model.get_pool_by_volume(model.get_volume_by_uuid("v2")) is pool

    @pytest.mark.parametrize(
        ("method", "error"),
        [
            ("get_node_by_name", exception.StorageNodeNotFound),
            ("get_node_pools", exception.StorageNodeNotFound),
            ("remove_node", exception.StorageNodeNotFound),
            ("get_pool_by_pool_name", exception.PoolNotFound),
            ("get_pool_volumes", exception.PoolNotFound),
            ("get_node_by_pool_name", exception.PoolNotFound),
            ("remove_pool", exception.PoolNotFound),
            ("get_volume_by_uuid", exception.VolumeNotFound),
            ("get_pool_by_volume", exception.VolumeNotFound),
            ("remove_volume", exception.VolumeNotFound),
        ],
    )
    def test_what_is_not_there_is_an_error_that_names_it(self, model, method, error):
        with pytest.raises(error, match="nobody"):
            getattr(model, method)("nobody")

    def test_what_is_on_nothing_says_so(self, model):
        model.unmap_volume("v1", POOL)
        with pytest.raises(exception.PoolNotFound, match=POOL):
            model.get_pool_by_volume("v1")
        model.unmap_pool(POOL, NODE)
        with pytest.raises(exception.StorageNodeNotFound, match=NODE):
            model.get_node_by_pool_name(POOL)
        assert "v1" in model.get_all_volumes()

    def test_another_kind_of_element_is_refused(self, model):
        for call in (model.add_node, model.add_pool, model.add_volume):
            with pytest.raises(exception.IllegalArgumentException, match="Instance"):
                call(Instance(uuid="s"))


class TestChanges:
    def test_a_volume_is_in_one_pool_and_its_host_follows(self, model):
        model.map_volume("v1", "h@c#p")
        model.map_volume("v1", "h@c#p")
        assert model.get_volume_by_uuid("v1").host == "h@c#p"
        assert [v.uuid for v in model.get_pool_volumes(POOL)] == ["v2"]
        assert [v.uuid for v in model.get_pool_volumes("h@c#p")] == ["v3", "v1"]
        model.unmap_volume("v1", POOL)  # not there any more
        assert model.get_pool_by_volume("v1").name == "h@c#p"

    def test_what_was_in_something_that_goes_stays_behind(self, model):
        model.remove_pool(POOL)
        assert set(model.get_all_volumes()) == {"v1", "v2", "v3"}
        model.remove_node("h@c")
        assert model.get_pool_by_pool_name("h@c#p").name == "h@c#p"
        assert "h@c#p" not in model.pool_places.of

    def test_delete_volume_removes_it(self, model):
        model.delete_volume(model.get_volume_by_uuid("v1"))
        assert set(model.get_all_volumes()) == {"v2", "v3"}
        assert [v.uuid for v in model.get_pool_volumes(POOL)] == ["v2"]

    def test_columns_follow_elements(self, model):
        assert capacity(model) == 100
        model.get_pool_by_pool_name(POOL).total_capacity_gb = 70
        assert capacity(model) == 70
        assert np.isnan(model.pool_columns.free).sum() >= 2
        model.put_pool({"name": POOL, "total_capacity_gb": math.inf})
        assert capacity(model) == math.inf
        model.put_pool({"name": POOL})
        assert np.isnan(capacity(model))

    def test_every_change_counts(self, model):
        versions = [model.version]
        for change in (
            lambda: model.map_volume("v1", "h@c#p"),
            lambda: model.get_volume_by_uuid("v1").update({"size": 3}),
            lambda: model.unmap_pool(POOL, NODE),
            lambda: model.remove_volume("v1"),
            lambda: model.remove_pool(POOL),
        ):
            change()
            versions.append(model.version)
        assert versions == sorted(set(versions))


class TestCopies:
    @pytest.mark.parametrize("twice", [copy.deepcopy, StorageModelRoot.copy])
    def test_a_copy_goes_its_own_way(self, model, twice):
        before = model.to_xml()
        twin = twice(model)
        assert StorageModelRoot.is_isomorphic(model, twin)
        assert twin.lock is not model.lock
        twin.get_volume_by_uuid("v1").metadata["k"] = "other"
        twin.get_pool_by_pool_name(POOL).total_capacity_gb = 1
        twin.get_node_by_name(NODE).volume_type.append("slow")
        twin.map_volume("v2", "h@c#p")
        twin.remove_volume("v3")
        twin.unread.add("v9")
        assert model.to_xml() == before
        assert capacity(model) == 100 and not model.unread
        assert not StorageModelRoot.is_isomorphic(model, twin)

    def test_a_change_of_the_original_is_not_seen_in_the_copy(self, model):
        twin = model.copy()
        before = twin.to_xml()
        model.get_volume_by_uuid("v1").metadata["k"] = "other"
        model.remove_node(NODE)
        assert twin.to_xml() == before

    def test_a_part_is_independent_and_has_its_own_rows(self, model):
        model.get_volume_by_uuid("v3").metadata["k"] = "lent"
        before = model.to_xml()
        part = model.part(["h@c"], ["h@c#p"], ["v3"])
        assert [d["uuid"] for d in part.volumes_data.values()] == ["v3"]
        assert part.get_pool_by_volume("v3").name == "h@c#p"
        assert part.get_node_by_pool_name("h@c#p").host == "h@c"
        assert len(part.pool_columns.total) == 1 and capacity(part, "h@c#p") == 100
        part.get_pool_by_pool_name("h@c#p").total_capacity_gb = 1
        part.get_volume_by_uuid("v3").metadata["k"] = "other"
        part.remove_volume("v3")
        assert model.to_xml() == before and capacity(model, "h@c#p") == 100
        twin = model.part(["h@b"], [POOL], ["v1", "v2"])
        model.get_volume_by_uuid("v1").metadata["k"] = "late"
        assert twin.get_volume_by_uuid("v1").metadata == {"k": "v1"}

    def test_it_can_be_sent_to_another_process(self, model):
        twin = pickle.loads(pickle.dumps(model))
        assert StorageModelRoot.is_isomorphic(model, twin)
        twin.get_pool_by_pool_name(POOL).total_capacity_gb = 5
        assert capacity(twin) == 5 and capacity(model) == 100


class TestOtherForms:
    def test_xml_is_nested_and_sorted(self, model):
        model.add_volume(Volume(uuid="stray"))
        model.add_pool(Pool(name="lost#p"))
        root = ElementTree.fromstring(model.to_xml())
        assert root.tag == "ModelRoot" and model.to_string() == model.to_xml()
        assert [e.tag for e in root] == ["StorageNode", "StorageNode", "Pool", "Volume"]
        (pool,) = root[0]
        assert (root[0].get("host"), pool.get("name")) == (NODE, POOL)
        assert [volume.get("uuid") for volume in pool] == ["v1", "v2"]
        assert pool[0].get("snapshot_id") == "None"
        assert (
            "free_capacity_gb" not in pool.attrib and "known_at" not in pool[0].attrib
        )

    def test_m14_objects_and_lists_are_json_and_come_back(self, model):
        """models.md M14: the XML can be read again, metadata and all"""
        volume = model.get_volume_by_uuid("v1")
        volume.metadata = {"quote'": 'a "b" & <c>', "n": None}
        volume.attachments = [{"server_id": "s", "attachment_id": "a"}]
        volume.bootable = True
        volume.created_at = "2026-03-01T12:00:00"
        model.get_pool_by_pool_name(POOL).free_capacity_gb = math.inf
        model.add_pool(Pool(name="lost#p", total_volumes=1))
        model.add_volume(Volume(uuid="v4"))
        model.map_volume("v4", "lost#p")
        model.add_volume(Volume(uuid="stray", host="x"))
        root = ElementTree.fromstring(model.to_xml())
        row = next(e for e in root.iter("Volume") if e.get("uuid") == "v1")
        assert json.loads(row.get("metadata")) == volume.metadata
        assert json.loads(root[0].get("volume_type")) == ["fast"]
        twin = StorageModelRoot.from_xml(model.to_xml())
        assert StorageModelRoot.is_isomorphic(model, twin)

    def test_a_list_has_a_fresh_row_for_each_volume(self, model):
        model.add_volume(Volume(uuid="stray"))
        model.add_pool(Pool(name="lost#p"))
        model.add_node(StorageNode(host="bare"))
        model.remove_volume("v3")
        rows = model.to_list()
        keys = ("node_host", "pool_name", "volume_uuid")
        assert [tuple(row.get(key) for key in keys) for row in rows] == [
            ("bare", None, None),
            (NODE, POOL, "v1"),
            (NODE, POOL, "v2"),
            ("h@c", "h@c#p", None),
            (None, "lost#p", None),
            (None, None, "stray"),
        ]
        assert "pool_free_capacity_gb" not in rows[1]
        rows[1]["volume_metadata"]["k"] = "other"
        rows[1]["node_volume_type"].append("other")
        assert model.get_volume_by_uuid("v1").metadata == {"k": "v1"}
        assert rows[2]["node_volume_type"] == ["fast"]

    def test_a_graph_from_volumes_to_pools_to_nodes(self, model):
        assert list(model.successors("v1")) == [POOL]
        assert list(model.successors(POOL)) == [NODE]
        assert model.nodes["v1"]["attr"] is model.get_volume_by_uuid("v1")
        model.remove_volume("v1")
        assert not model.has_node("v1")


def test_places_know_both_sides():
    places = Places()
    for child, parent in (("a", "x"), ("b", "x"), ("c", "y"), ("a", "y")):
        places.put(child, parent)
    assert places.of == {"b": "x", "c": "y", "a": "y"}
    assert list(places.at("y")) == ["c", "a"] and list(places.at("nowhere")) == []
    twin = places.copy()
    part = places.part(["a", "b", "unknown"])
    assert part.of == {"a": "y", "b": "x"} and list(part.at("y")) == ["a"]
    places.take("c")
    places.empty("x")
    places.empty("unknown")
    assert places.of == {"a": "y"} and list(places.at("x")) == []
    assert list(twin.at("x")) == ["b"] and twin.of["c"] == "y"
    assert list(part.at("x")) == ["b"]
