"""Reading the storage model: whole, refreshed, or not at all."""

import logging
import math

import pytest

from tests.unit.cluster.conftest import FAST, SLOW
from watcher import exception
from watcher.clients.records import VolumeTotals
from watcher.cluster.collector.cache import Models
from watcher.cluster.model.model_root import ModelRoot
from watcher.cluster.model.storage import StorageModelRoot


@pytest.fixture
def busy(disks):
    disks.v1 = disks.volume("v1", servers=["s1"], status="in-use", bootable=True)
    disks.v2 = disks.volume("v2", metadata={"k": "v"})
    disks.v3 = disks.volume("v3", SLOW, 50, "slow", project_id="t")
    return disks


def placed(model):
    return {d["name"]: d["host"] for d in model.volumes_data.values()}


def refreshed(disks, change, *calls):
    """Read, change something, refresh; return both models"""
    collector = disks.collector()
    model = collector.execute()
    disks.pass_s(600)
    change()
    disks.cinder.calls.clear()
    return model, collector.refresh(model)


class TestWhole:
    def test_everything_is_where_it_belongs(self, busy):
        model = busy.model
        node = model.get_node_by_name("one@fast")
        assert (node.zone, node.status, node.state) == ("z1", "enabled", "up")
        assert node.volume_type == ["fast"]
        assert model.get_node_by_pool_name(FAST) is node
        pool = model.get_pool_by_pool_name(FAST)
        assert (pool.total_capacity_gb, pool.free_capacity_gb) == (100, 80)
        assert (pool.allocated_capacity_gb, pool.provisioned_capacity_gb) == (20, 20)
        assert (pool.total_volumes, pool.virtual_free) == (2, 0)
        assert placed(model) == {"v1": FAST, "v2": FAST, "v3": SLOW}
        volume = model.get_volume_by_uuid(busy.v1)
        assert (volume.size, volume.status, volume.volume_type) == (
            10,
            "in-use",
            "fast",
        )
        assert [a["server_id"] for a in volume.attachments] == ["s1"]
        assert model.get_pool_by_volume(volume) is pool

    def test_m5_bootable_is_told_apart(self, busy):
        """models.md M5: after a full sync not every volume is bootable"""
        model = busy.model
        found = {d["name"]: d["bootable"] for d in model.volumes_data.values()}
        assert found == {"v1": True, "v2": False, "v3": False}

    def test_p2_types_are_listed_once_whatever_the_number_of_nodes(self, busy):
        """models.md P2: no request for each storage node"""
        for number in range(20):
            busy.storage.add_backend(f"more-{number}@fast", pools={"p": 1.0})
        assert len(busy.model.get_all_storage_nodes()) == 22
        assert sorted(busy.cinder.calls) == [
            "pools",
            "services",
            "volume_types",
            "volumes",
        ]

    @pytest.mark.parametrize("word", [None, "unknown", "infinite"])
    def test_m4_a_pool_of_unknown_or_infinite_size_is_one_among_others(
        self, busy, word
    ):
        """models.md M4: such a capacity does not fail the model"""
        busy.storage.change_backend("one@fast", pools={"p": word})
        model = busy.model
        pool = model.get_pool_by_pool_name(FAST)
        row = model.pool_columns.row[FAST]
        if word == "infinite":
            assert pool.total_capacity_gb == model.pool_columns.free[row] == math.inf
        else:
            assert "total_capacity_gb" not in pool
            assert math.isnan(model.pool_columns.total[row])
        assert placed(model) == {"v1": FAST, "v2": FAST, "v3": SLOW}

    def test_m4_volumes_without_host_or_type_are_kept_in_no_pool(self, busy):
        """models.md M4: a volume that no backend took does not fail the model"""
        stray = busy.volume("stray", None, kind=None, status="error")
        left = busy.volume("left", "gone@x#p")
        model = busy.model
        volume = model.get_volume_by_uuid(stray)
        assert (volume.host, volume.volume_type) == (None, None)
        for uuid in (stray, left):
            with pytest.raises(exception.PoolNotFound):
                model.get_pool_by_volume(uuid)

    def test_types_are_bound_by_what_the_backend_calls_itself(self, disks):
        disks.storage.add_type("fast-too", volume_backend_name="fast")
        disks.storage.add_type("anywhere")
        # Its section of Cinder's configuration is named otherwise than its backend.
        disks.storage.add_backend("three@section", "fast", pools={"p": 1.0})
        disks.storage.add_backend("bare", "slow", pools={"p": 1.0})
        disks.storage.add_backend("empty")
        nodes = disks.model.get_all_storage_nodes()
        assert {host: node.volume_type for host, node in nodes.items()} == {
            "one@fast": ["fast", "fast-too"],
            "two@slow": ["slow"],
            "three@section": ["fast", "fast-too"],
            "bare": ["slow"],
            "empty": [],
        }

    def test_a_copy_that_a_migration_makes_is_no_volume(self, busy):
        copy = busy.volume("copy", SLOW, migration_status=f"target:{busy.v1}")
        rest = busy.volume("rest", FAST, migration_status="deleting")
        model = busy.model
        assert {copy, rest} == set(model.shadows)
        assert placed(model) == {"v1": FAST, "v2": FAST, "v3": SLOW}

    def test_a_cinder_without_anything_is_a_good_model(self, disks):
        disks.storage.remove_backend("one@fast")
        disks.storage.remove_backend("two@slow")
        model = disks.model
        assert model and model.get_all_storage_nodes() == {}

    @pytest.mark.parametrize("name", ["services", "pools", "volume_types", "volumes"])
    def test_a_list_that_fails_fails_the_model_after_some_attempts(self, busy, name):
        error = exception.CinderClientError(reason="gone")
        busy.cinder.fails[name] = [error] * 2
        with pytest.raises(exception.CinderClientError, match="gone"):
            busy.collector(attempts=2).execute()
        busy.cinder.fails[name] = [error]
        assert busy.collector(attempts=2).execute()

    def test_a_scheduler_that_knows_no_pool_yet_is_not_believed(self, busy):
        busy.cinder.answers["pools"] = list
        with pytest.raises(exception.CinderClientError, match="2 volume services"):
            busy.collector().execute()
        for name in ("one@fast", "two@slow"):
            busy.storage.change_backend(name, up=False)
        assert set(placed(busy.model)) == {"v1", "v2", "v3"}

    def test_what_only_events_tell_survives_a_reading(self, busy):
        collector = busy.collector()
        collector.cluster_data_model = collector.execute()
        collector.follow(collector.cluster_data_model, busy.capacity(free=33.0))
        model = collector.execute()
        assert model.get_pool_by_pool_name(FAST).virtual_free == 33
        assert model.get_pool_by_pool_name(FAST).free_capacity_gb == 80


class TestRefresh:
    def test_few_requests_whatever_the_number_of_volumes(self, busy):
        for number in range(100):
            busy.volume(f"more-{number}")
        model, fresh = refreshed(busy, lambda: None)
        assert StorageModelRoot.is_isomorphic(model, fresh)
        assert sorted(busy.cinder.calls) == [
            "changed_volumes",
            "pools",
            "services",
            "volume_totals",
            "volume_types",
        ]

    def test_what_changed_is_seen_and_the_old_model_stays_as_it_was(self, busy):
        def change():
            busy.storage.change_volume(busy.v1, pool=SLOW, kind="slow", size_gb=20)
            busy.volume("v4", status="creating")
            busy.storage.change_backend("one@fast", enabled=False, zone="z9")
            busy.storage.add_type("more", volume_backend_name="fast")

        model, fresh = refreshed(busy, change)
        assert placed(fresh) == {"v1": SLOW, "v2": FAST, "v3": SLOW, "v4": FAST}
        assert fresh.get_volume_by_uuid(busy.v1).size == 20
        node = fresh.get_node_by_name("one@fast")
        assert (node.status, node.zone) == ("disabled", "z9")
        assert node.volume_type == ["fast", "more"]
        assert fresh.get_pool_by_pool_name(FAST).free_capacity_gb == 80
        assert placed(model) == {"v1": FAST, "v2": FAST, "v3": SLOW}
        assert model.get_node_by_name("one@fast").status == "enabled"
        assert StorageModelRoot.is_isomorphic(fresh, busy.model)

    def test_a_volume_that_is_gone_makes_it_read_everything(self, busy):
        _model, fresh = refreshed(busy, lambda: busy.storage.delete_volume(busy.v2))
        assert fresh is None

    def test_also_when_another_one_of_its_size_came(self, busy):
        def change():
            busy.storage.delete_volume(busy.v2)
            busy.volume("v4")

        assert refreshed(busy, change)[1] is None

    @pytest.mark.parametrize(
        ("count", "size_gb", "enough"), [(3, 70, True), (4, 70, False), (3, 71, False)]
    )
    def test_number_and_size_must_both_agree(self, busy, count, size_gb, enough):
        totals = VolumeTotals(count=count, size_gb=size_gb)
        busy.cinder.answers["volume_totals"] = lambda: totals
        assert (refreshed(busy, lambda: None)[1] is not None) is enough

    @pytest.mark.parametrize(
        "change",
        [
            lambda disks: disks.storage.add_backend("new@fast", pools={"p": 1.0}),
            lambda disks: disks.storage.remove_backend("two@slow"),
            lambda disks: disks.storage.change_backend("one@fast", pools={"q": 1.0}),
        ],
    )
    def test_other_services_or_pools_make_it_read_everything(self, busy, change):
        assert refreshed(busy, lambda: change(busy))[1] is None

    @pytest.mark.parametrize("name", ["changed_volumes", "volume_totals"])
    def test_a_cinder_that_cannot_tell_is_read_whole(self, busy, name):
        busy.cinder.answers[name] = lambda: None
        assert refreshed(busy, lambda: None)[1] is None

    def test_a_volume_made_between_two_answers_is_looked_for_again(self, busy):
        real = busy.cinder._service.changed_volumes
        since = []

        def change():
            early = real(busy.now)
            busy.volume("v4")

            def answer():
                since.append(len(since))
                return early if len(since) == 1 else real(busy.now)

            busy.cinder.answers["changed_volumes"] = answer

        _model, fresh = refreshed(busy, change)
        assert since == [0, 1] and "v4" in placed(fresh)

    def test_the_end_of_a_migration_is_seen(self, busy):
        def begin():
            busy.copy = busy.volume("c", SLOW, migration_status=f"target:{busy.v1}")

        _model, fresh = refreshed(busy, begin)
        assert set(fresh.shadows) == {busy.copy} and len(placed(fresh)) == 3
        busy.storage.change_volume(busy.copy, migration_status=None)
        after = busy.collector().refresh(fresh)
        assert after.shadows == {} and "c" in placed(after)

    def test_a_stale_or_foreign_model_is_not_refreshed(self, busy):
        collector = busy.collector()
        for model in (StorageModelRoot(stale=True), ModelRoot(), None):
            assert collector.refresh(model) is None

    def test_a_request_that_fails_fails_the_refresh(self, busy):
        collector = busy.collector()
        model = collector.execute()
        busy.cinder.fails["volume_totals"] = [exception.CinderClientError(reason="x")]
        with pytest.raises(exception.CinderClientError):
            collector.refresh(model)


class TestAbsent:
    def test_keystone_lists_it_under_either_name(self, disks):
        assert disks.collector().absent() is None
        assert disks.keystone.calls == ["has_service"]
        asked = []

        class Older:
            def has_service(self, name):
                asked.append(name)
                return name == "volumev3"

        disks.clients.keystone = Older()
        assert disks.collector().absent() is None
        assert asked == ["block-storage", "volumev3"]

    def test_without_any_the_reason_names_both(self, disks):
        disks.keystone.answers["has_service"] = lambda: False
        reason = disks.collector().absent()
        assert "block-storage" in reason and "volumev3" in reason

    def test_a_keystone_that_fails_is_no_absence(self, disks):
        disks.keystone.fails["has_service"] = [exception.ClientError(reason="x")] * 2
        with pytest.raises(exception.ClientError):
            disks.collector(attempts=2).absent()


class TestKept:
    def test_it_is_kept_and_cut_like_the_others(self, busy):
        models = Models.of({"storage": busy.collector()})
        document = [{"storage": [{"volume_types": [{"name": "slow"}]}]}]
        assert set(placed(models.scoped("storage", document))) == {"v3"}
        assert set(placed(models.scoped("storage", []))) == {"v1", "v2", "v3"}

    def test_a_failed_reading_keeps_the_old_model_and_says_so(self, busy):
        models = Models.of({"storage": busy.collector()})
        models.get("storage")
        busy.cinder.fails["pools"] = [exception.CinderClientError(reason="gone")]
        with pytest.raises(exception.ClusterDataModelCollectionError, match="gone"):
            models.get("storage")
        assert set(placed(models.get("storage", None))) == {"v1", "v2", "v3"}

    def test_m15_a_stale_model_is_one_of_storage_and_says_why_and_since_when(
        self, busy
    ):
        """models.md M15: no compute model stands for storage"""
        collector = busy.collector()
        collector.cluster_data_model = model = collector.execute()
        collector.set_cluster_data_model_as_stale("Cinder is being upgraded")
        stale = collector.cluster_data_model
        assert isinstance(stale, StorageModelRoot) and not stale
        assert stale.stale_reason == "Cinder is being upgraded"
        assert stale.read_at == model.read_at is not None

    def test_nothing_of_the_cloud_is_in_the_log(self, busy, caplog):
        caplog.set_level(logging.DEBUG)
        busy.volume("secret-name", "gone@x#p")
        assert busy.model
        assert "secret-name" not in caplog.text
        assert "1 volumes are in no pool" in caplog.text
