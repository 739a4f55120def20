"""What an audit may look at of the storage."""

import logging

import pytest

from watcher import exception
from watcher.cluster.scope.document import Checker
from watcher.cluster.scope.schemas import PUBLISHED
from watcher.cluster.scope.storage import StorageScope

P, Q, R, BARE = "a@fast#p", "a@fast#q", "b@slow#r", "bare#s"


@pytest.fixture
def world(disks):
    disks.storage.remove_backend("one@fast")
    disks.storage.remove_backend("two@slow")
    disks.storage.add_type("fast-too", volume_backend_name="fast")
    disks.storage.add_backend("a@fast", zone="z1", pools={"p": 100.0, "q": 100.0})
    disks.storage.add_backend("b@slow", zone="z2", pools={"r": 100.0})
    disks.storage.add_backend("bare", zone="z3", pools={"s": 100.0})
    for name, pool, project in (
        ("v1", P, "p1"),
        ("v2", P, "p2"),
        ("v3", Q, "p1"),
        ("v4", R, "p2"),
        ("v5", BARE, "p3"),
        ("stray", None, "p3"),
    ):
        disks.volume(name, pool, uuid=name, project_id=project)
    return disks.model


def cut(world, *rules):
    return StorageScope(list(rules), {}).get_scoped_model(world)


def left(world, *rules):
    return sorted(cut(world, *rules).volumes_data)


def names(*values):
    return [{"name": value} for value in values]


def uuids(*values):
    return [{"uuid": value} for value in values]


ALL = ["stray", "v1", "v2", "v3", "v4", "v5"]


@pytest.mark.parametrize(
    ("rules", "volumes"),
    [
        ([], ALL),
        ([{}], ALL),
        ([{"exclude": []}], ALL),
        ([{"availability_zones": names("z1")}], ["v1", "v2", "v3"]),
        ([{"availability_zones": names("z2", "z3")}], ["v4", "v5"]),
        # A volume in no pool is in no zone.
        ([{"availability_zones": names("*")}], ["v1", "v2", "v3", "v4", "v5"]),
        ([{"exclude": [{"storage_pools": names(P)}]}], ["stray", "v3", "v4", "v5"]),
        ([{"exclude": [{"volumes": uuids("v1", "stray")}]}], ["v2", "v3", "v4", "v5"]),
        ([{"exclude": [{"projects": uuids("p1", "p3")}]}], ["v2", "v4"]),
        # Every key of every object counts, of what is excluded, too.
        (
            [
                {
                    "availability_zones": names("z1"),
                    "volume_types": names("slow"),
                    "exclude": [
                        {"volumes": uuids("v1"), "storage_pools": names(Q)},
                        {"projects": uuids("p3")},
                    ],
                }
            ],
            ["v2", "v4"],
        ),
        (
            [
                {"availability_zones": names("z1")},
                {"volume_types": names("slow")},
                {"exclude": [{"volumes": uuids("v4")}]},
                {"exclude": [{"volumes": uuids("v3")}]},
            ],
            ["v1", "v2"],
        ),
        # Exclusion wins.
        (
            [
                {
                    "availability_zones": names("z2"),
                    "exclude": [{"storage_pools": names(R)}],
                }
            ],
            [],
        ),
    ],
)
def test_rules(world, rules, volumes):
    assert left(world, *rules) == volumes


class TestVolumeTypes:
    """audits.md 11.4: implemented, from the model itself"""

    @pytest.mark.parametrize(
        ("types", "hosts"),
        [
            (["fast"], ["a@fast"]),
            (["fast-too"], ["a@fast"]),
            (["fast", "slow"], ["a@fast", "b@slow"]),
            (["*"], ["a@fast", "b@slow"]),
            (["nothing"], []),
        ],
    )
    def test_nodes_whose_backend_is_bound_to_the_type(self, world, types, hosts):
        model = cut(world, {"volume_types": names(*types)})
        assert sorted(model.nodes_data) == hosts

    def test_11_4_a_service_without_backend_name_is_bound_to_none(self, world):
        """audits.md 11.4: no index error"""
        assert world.get_node_by_name("bare").volume_type == []
        assert "bare" not in cut(world, {"volume_types": names("fast")}).nodes_data

    def test_s6_nothing_is_asked_of_the_cloud(self, disks, world):
        """audits.md S6: no request for each run, rule and storage service"""
        disks.cinder.calls.clear()
        cut(
            world,
            {"volume_types": names("fast")},
            {"availability_zones": names("z1", "z2")},
            {"exclude": [{"storage_pools": names(P)}]},
        )
        assert disks.cinder.calls == disks.keystone.calls == []


class TestEdges:
    def test_11_4_an_inclusion_that_matches_nothing_leaves_nothing(self, world):
        """audits.md 11.4: an empty model, not the whole one"""
        model = cut(world, {"availability_zones": names("nowhere")})
        assert model and not model.nodes_data
        assert not model.pools_data and not model.volumes_data

    def test_11_4_what_is_excluded_and_unknown_is_ignored_with_a_warning(
        self, world, caplog
    ):
        """audits.md 11.4: no failed audit"""
        rule = {"exclude": [{"storage_pools": names("x"), "volumes": uuids("y")}]}
        with caplog.at_level(logging.WARNING):
            assert left(world, rule) == ALL
        assert "storage pool x" in caplog.text and "volume y" in caplog.text

    def test_11_4_a_volume_that_went_with_its_pool_is_no_matter(self, world, caplog):
        """audits.md 11.4: excluded twice is excluded"""
        rule = {"exclude": [{"storage_pools": names(P), "volumes": uuids("v1")}]}
        assert left(world, rule) == ["stray", "v3", "v4", "v5"]
        assert caplog.text == ""

    @pytest.mark.parametrize("key", ["volume_types", "availability_zones"])
    def test_11_4_a_wildcard_beside_others_is_an_error(self, world, key):
        """audits.md 11.4: in a run, and already when the scope is written down"""
        rule = {key: names("*", "z1")}
        with pytest.raises(exception.WildcardCharacterIsUsed):
            cut(world, rule)
        checker = Checker(PUBLISHED, {"storage": StorageScope})
        with pytest.raises(exception.Invalid, match=f"/scope/0/storage: {key}"):
            checker.check([{"storage": [rule]}])

    def test_s2_a_document_about_storage_alone_is_accepted(self, world):
        """audits.md S2: no compute key is needed"""
        document = [{"storage": [{"exclude": [{"storage_pools": names(P)}]}]}]
        assert Checker(PUBLISHED, {"storage": StorageScope}).check(document) == document

    def test_no_model_stays_none(self):
        assert StorageScope([{"volume_types": names("x")}], {}).missing(None) == []
        assert StorageScope([{}], {}).get_scoped_model(None) is None


class TestTheRest:
    def test_the_given_model_stays_as_it_is(self, world):
        before, version = world.to_xml(), world.version
        model = cut(world, {"availability_zones": names("z1")})
        model.get_volume_by_uuid("v1").name = "other"
        model.remove_pool(P)
        assert world.to_xml() == before and world.version == version
        assert not StorageScope.CHANGES_MODEL

    def test_a_cut_model_is_one_of_its_own(self, world):
        model = cut(world, {"availability_zones": names("z1")})
        assert sorted(model.pools_data) == [P, Q]
        assert model.get_node_by_pool_name(P).host == "a@fast"
        assert [v.uuid for v in model.get_pool_volumes(P)] == ["v1", "v2"]
        assert list(model.pool_columns.row) == [P, Q]
        assert (model.pool_columns.total == 100).all()

    def test_what_is_not_there_is_told_with_its_place(self, world):
        rules = [
            {"volume_types": names("fast", "*", "t")},
            {
                "availability_zones": names("z9"),
                "exclude": [{}, {"volumes": uuids("v1", "v9"), "projects": uuids("p")}],
            },
            {"exclude": [{"storage_pools": names("x", P)}]},
        ]
        found = StorageScope(rules, {}).missing(world)
        assert [(m.path, m.what, m.name) for m in found] == [
            ("/0/volume_types/2/name", "volume type", "t"),
            ("/1/availability_zones/0/name", "availability zone", "z9"),
            ("/1/exclude/1/volumes/1/uuid", "volume", "v9"),
            ("/2/exclude/0/storage_pools/0/name", "storage pool", "x"),
        ]

    def test_a_type_that_is_bound_to_no_backend_is_not_missing(self, disks):
        disks.storage.add_type("anywhere")
        rules = [{"volume_types": names("anywhere")}]
        assert StorageScope(rules, {}).missing(disks.model) == []

    def test_outsiders_find_it_by_the_published_path(self):
        from watcher.decision_engine.scope import storage

        assert storage.StorageScope is StorageScope
