"""The simulated storage below the real Cinder keeps its books."""

from tests import servers


def places(storage, ident):
    volume = storage.volume(ident)
    return volume["os-vol-host-attr:host"], volume["volume_type"]


def provisioned(storage):
    return {
        pool["name"]: pool["capabilities"]["provisioned_capacity_gb"]
        for pool in storage.pools()
    }


def test_volumes_move_between_pools_and_types(storage):
    ident = storage.create("fast", 7)
    here, kind = places(storage, ident)
    assert kind == "fast"
    there = next(
        pool["name"]
        for pool in storage.pools()
        if pool["capabilities"]["volume_backend_name"] == kind and pool["name"] != here
    )
    storage.act(ident, "os-migrate_volume", host=there)
    assert places(storage, ident) == (there, "fast")
    storage.act(ident, "os-retype", new_type="slow", migration_policy="on-demand")
    now, kind = places(storage, ident)
    assert kind == "slow" and now.startswith("controller@slow#")

    def counted():
        held = provisioned(storage)
        sizes = dict.fromkeys(held, 0)
        for volume in storage.volumes():
            sizes[volume["os-vol-host-attr:host"]] += volume["size"]
        return held == sizes

    servers.wait_until(counted, 40, "capacity in agreement with the volumes")
    storage.call("DELETE", f"/volumes/{ident}")
    servers.wait_until(
        lambda: ident not in {v["id"] for v in storage.volumes()}, 30, "its end"
    )
