"""Records what Nova and Cinder tell on the bus, for tests that have neither.

usage: python -m tests.cloud.record [FOLDER]

Starts a control plane, does to it what people do, and writes one notification of each
type below FOLDER (tests/unit/cluster/samples), and for some operations all of them in
their order. Identities are replaced, times are kept.
"""

import contextlib
import json
import pathlib
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from tests import servers
from tests.cloud import bus, plane
from tests.cloud.operations import Operations
from tests.cloud.storage import Storage

ROOT = pathlib.Path(__file__).parents[2]
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b[0-9a-f]{32}\b")
# Of a request's context, what a listener could want; the rest is long or secret.
CONTEXT = ("request_id", "project_id", "user_id", "is_admin")
VARIED = ("instance.update", "service.update", "volume.update.end", "capacity.pool")


class Scrubbed:
    """Gives each identity the same short stand-in wherever it appears"""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def _stand_in(self, found: re.Match[str]) -> str:
        text = found.group(0)
        number = self._known.setdefault(text, str(len(self._known) + 1))
        if "-" in text:
            return f"00000000-0000-4000-8000-{number:>012}"
        return f"{number:>032}"

    def __call__(self, value: Any) -> Any:
        """Return ``value`` with stand-ins"""
        text = UUID.sub(self._stand_in, json.dumps(value, sort_keys=True))
        return json.loads(text, object_hook=_shortened)


def _shortened(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out what shows where the services are installed"""
    if "traceback" in found:
        found["traceback"] = ""
    for name in ("exception_message", "details"):
        if isinstance(found.get(name), str):
            found[name] = found[name].partition("\n")[0]
    return found


class Recorder:
    """Does operations and keeps what was heard during each"""

    def __init__(
        self, ear: bus.Bus, do: Operations, storage: Storage, folder: pathlib.Path
    ) -> None:
        self._ear, self._folder = ear, folder
        self._askers = (do.server, storage.volume)
        self._scrub = Scrubbed()
        self._written: set[str] = set()

    def during(self, name: str, *watched: str) -> "Chapter":
        """Keep in one file what is heard until the block ends"""
        return Chapter(self, name, watched)

    def heard(self, start: int) -> list[dict[str, Any]]:
        """Return what was told since then, once the bus is silent"""
        self._ear.silent(1.5)
        return [self._plain(each) for each in self._ear.since(start) if _telling(each)]

    def mark(self) -> int:
        """Return a place to listen from"""
        return len(self._ear)

    def truth(self, ident: str) -> Any:
        """Return what Nova says about a server now, or Cinder about a volume"""
        for ask in self._askers:
            with contextlib.suppress(RuntimeError):
                return self._scrub(ask(ident))
        return None

    def _plain(self, heard: bus.Heard) -> dict[str, Any]:
        return self._scrub({
            "priority": heard.priority,
            "publisher": heard.publisher,
            "kind": heard.kind,
            "payload": heard.payload,
            "context": {k: heard.context[k] for k in CONTEXT if k in heard.context},
            "metadata": heard.metadata})  # fmt: skip

    def write(self, name: str, value: Any, **layout: Any) -> None:
        """Write a file"""
        path = self._folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, sort_keys=True, **layout) + "\n")

    def one_of_each(self) -> int:
        """Write one notification of each type, and the variants of those that vary"""
        for each in filter(_telling, self._ear.since(0)):
            told = self._plain(each)
            name = told["kind"]
            if name in VARIED:
                name += _variant(told["payload"])
            # Of a type, the last one: most of them come at the end of an operation.
            publisher = (
                "cinder" if "nova_object.data" not in told["payload"] else "nova"
            )
            self._written.add(name)
            self.write(f"{publisher}/{name}", told, indent=1)
        return len(self._written)


def _telling(heard: bus.Heard) -> bool:
    """Leave out what says that something is about to be tried"""
    silent = heard.kind.endswith(".start") or heard.kind.startswith("scheduler.")
    return not silent and heard.kind != "instance.exists"


def _variant(payload: dict[str, Any]) -> str:
    data = payload.get("nova_object.data", {})
    if "state_update" in data:
        change = data["state_update"]["nova_object.data"]
        return f".{change['state']}.{change['new_task_state']}"
    if "forced_down" in data:
        down, off = data["forced_down"], data["disabled"]
        return f".{'down' if down else 'up'}.{'disabled' if off else 'enabled'}"
    return ""


class Chapter:
    """All that is told during one operation, and the server before and after it"""

    def __init__(self, recorder: Recorder, name: str, watched: tuple[str, ...]) -> None:
        self._recorder, self._name, self._watched = recorder, name, list(watched)

    def __enter__(self) -> "Chapter":
        self._start = self._recorder.mark()
        self._before = [self._recorder.truth(ident) for ident in self._watched]
        return self

    def watch(self, ident: str) -> None:
        """Look at a server that was not there before"""
        self._watched.append(ident)
        self._before.append(None)

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            return
        events = self._recorder.heard(self._start)
        self._recorder.write(f"sequences/{self._name}", {
            "before": self._before,
            "after": [self._recorder.truth(ident) for ident in self._watched],
            "events": events})  # fmt: skip
        print(f"{self._name}: {len(events)} notifications", flush=True)


def life_of_servers(keep: Recorder, do: Operations) -> None:
    """What happens to single servers"""
    hosts = do.plane.hosts
    group = do.plane.nova("POST", "/os-server-groups", {"server_group": {
        "name": "apart", "policy": "anti-affinity"}})["server_group"]["id"]  # fmt: skip
    with keep.during("create") as chapter:
        one = do.create("one", "tiny", host=hosts[0], hints={"group": group},
                        metadata={"tier": "web"})  # fmt: skip
        chapter.watch(one)
    with keep.during("lock", one):
        do.act(one, "lock", {"locked_reason": "mine"})
        do.act(one, "unlock")
    with keep.during("metadata", one):
        do.metadata(one, tier="db", colour="blue")
        do.plane.nova("DELETE", f"/servers/{one}/metadata/colour")
        do.plane.nova("PUT", f"/servers/{one}", {"server": {"name": "renamed"}})
    for there, back in (("pause", "unpause"), ("suspend", "resume"),
                        ("os-stop", "os-start"), ("rescue", "unrescue")):  # fmt: skip
        with keep.during(f"{there}-{back}", one):
            do.act(one, there)
            do.act(one, back, None, "ACTIVE")
    do.act(one, "reboot", {"type": "HARD"}, "ACTIVE")
    with keep.during("rebuild", one):
        do.act(one, "rebuild", {"imageRef": do.image}, "ACTIVE")
    with keep.during("live-migrate", one):
        do.live_migrate(one, hosts[1], "ACTIVE")
    with keep.during("cold-migrate-confirm", one):
        do.migrate(one, hosts[2])
        do.act(one, "confirmResize", None, "ACTIVE")
    with keep.during("resize-confirm", one):
        do.resize(one, "small")
        do.act(one, "confirmResize", None, "ACTIVE")
    with keep.during("resize-revert", one):
        do.resize(one, "large")
        do.act(one, "revertResize", None, "ACTIVE")
    with keep.during("shelve-unshelve", one):
        do.act(one, "shelve", None, "SHELVED_OFFLOADED")
        do.act(one, "unshelve", None, "ACTIVE")
    with keep.during("delete", one):
        do.delete(one)
    do.plane.nova("DELETE", f"/os-server-groups/{group}")


def failures(keep: Recorder, do: Operations) -> None:
    """What goes wrong, or nearly"""
    hosts = do.plane.hosts
    two = do.create("two", "tiny", host=hosts[0])
    for wish in ("pre_live_migration", "live_migration", "live_migration_error"):
        with (
            keep.during(f"failed-{wish.replace('_', '-')}", two),
            do.control(fail=[wish]),
        ):
            do.live_migrate(two, hosts[1], "ACTIVE", "ERROR")
        if do.settled(two) == "ERROR":
            do.act(two, "os-resetState", {"state": "active"}, "ACTIVE")
    for action in ("abort", "force_complete"):
        with (
            keep.during(f"live-migrate-{action}", two),
            do.control(live_migration_seconds=4),
        ):
            _interrupt(do, two, action)
    with keep.during("failed-resize", two), do.control(fail=["resize"]):
        do.act(two, "resize", {"flavorRef": do.flavors["small"]}, "ERROR", "ACTIVE")
    do.act(two, "os-resetState", {"state": "active"}, "ACTIVE")
    with keep.during("no-valid-host") as chapter:
        chapter.watch(do.create("huge", "huge"))
    with keep.during("evacuate", two):
        _evacuate(do, two)
    do.delete(two)


def _interrupt(do: Operations, ident: str, action: str) -> None:
    target = next(h for h in do.plane.hosts if h != do.server(ident)[
        "OS-EXT-SRV-ATTR:host"])  # fmt: skip
    do.plane.nova("POST", f"/servers/{ident}/action", {"os-migrateLive": {
        "host": target, "block_migration": "auto"}})  # fmt: skip
    path = f"/servers/{ident}/migrations"
    running: list[dict[str, Any]] = []

    def runs() -> bool:
        running[:] = do.plane.nova("GET", path)["migrations"]
        return bool(running) and running[0]["status"] == "running"

    servers.wait_until(runs, 30, "a running live migration")
    where = f"{path}/{running[0]['id']}"
    if action == "abort":
        do.plane.nova("DELETE", where)
    else:
        do.plane.nova("POST", f"{where}/action", {action: None})
    do.settled(ident, "ACTIVE")


def _evacuate(do: Operations, ident: str) -> None:
    home = do.server(ident)["OS-EXT-SRV-ATTR:host"]
    do.plane.kill_host(home)
    do.service(home, forced_down=True)
    do.act(ident, "evacuate", {}, "SHUTOFF", "ACTIVE")
    do.plane.launch_hosts(home)
    time.sleep(10)
    do.service(home, forced_down=False)


def hosts_and_groups(keep: Recorder, do: Operations) -> None:
    """Services, aggregates and server groups"""
    host = do.plane.hosts[-1]
    with keep.during("services"):
        do.service(host, status="disabled", disabled_reason="watcher_maintaining")
        do.service(host, forced_down=True)
        do.service(host, forced_down=False)
        do.service(host, status="enabled")
    with keep.during("aggregates"):
        ident = do.aggregate("rack", host, ssd="true")
        path = f"/os-aggregates/{ident}"
        do.plane.nova("PUT", path, {"aggregate": {"name": "shelf"}})
        do.in_aggregate(ident, set_metadata={"metadata": {"availability_zone": "z1"}})
        do.in_aggregate(ident, set_metadata={"metadata": {"ssd": None}})
        do.drop_aggregate(ident)
    with keep.during("server-groups"):
        group = do.plane.nova("POST", "/os-server-groups", {"server_group": {
            "name": "close", "policy": "affinity"}})["server_group"]["id"]  # fmt: skip
        member = do.create("member", "tiny", hints={"group": group})
        do.delete(member)
        do.plane.nova("DELETE", f"/os-server-groups/{group}")
    with keep.during("host-leaves-and-returns"):
        do.plane.kill_host(host)
        (service,) = do.plane.services(host=host)
        do.plane.nova("DELETE", f"/os-services/{service['id']}")
        do.plane.launch_hosts(host)
        servers.wait_until(
            lambda: bool(do.plane.services(host=host)), 60, "the host's return"
        )
        do.plane.manage(
            "nova-manage", *do.plane.nova_files, "cell_v2", "discover_hosts"
        )


def volumes(keep: Recorder, do: Operations, storage: Storage) -> None:
    """What happens to volumes"""
    (first,) = storage.seed(2)
    with keep.during("volume-life", first):
        storage.call("PUT", f"/volumes/{first}", {"volume": {"name": "renamed"}})
        storage.call("POST", f"/volumes/{first}/metadata", {"metadata": {"a": "b"}})
        storage.act(first, "os-extend", new_size=3)
        holder = do.create("holder", "tiny")
        attachment = {"volumeAttachment": {"volumeId": first}}
        path = f"/servers/{holder}/os-volume_attachments"
        do.plane.nova("POST", path, attachment)
        servers.wait_until(
            lambda: storage.volume(first)["status"] == "in-use", 60, "attachment"
        )
        do.plane.nova("DELETE", f"{path}/{first}")
        servers.wait_until(
            lambda: storage.volume(first)["status"] == "available", 60, "detachment"
        )
        do.delete(holder)
    with keep.during("volume-migrate", first):
        here = storage.volume(first)["os-vol-host-attr:host"]
        kind = storage.volume(first)["volume_type"]
        there = next(p["name"] for p in storage.pools() if p["name"] != here
                     and p["capabilities"]["volume_backend_name"] == kind)  # fmt: skip
        storage.act(first, "os-migrate_volume", host=there)
    with keep.during("volume-retype", first):
        storage.act(first, "os-retype", new_type="slow", migration_policy="on-demand")
    with keep.during("volume-snapshot"):
        snap = storage.call("POST", "/snapshots", {"snapshot": {"volume_id": first}})
        path = f"/snapshots/{snap['snapshot']['id']}"
        servers.wait_until(
            lambda: storage.call("GET", path)["snapshot"]["status"] == "available",
            60, "snapshot")  # fmt: skip
        storage.call("DELETE", path)
    with keep.during("volume-delete", first):
        time.sleep(1)
        storage.call("DELETE", f"/volumes/{first}")
        servers.wait_until(lambda: not storage.volumes(), 60, "end of a volume")


def soft_deletion(keep: Recorder, do: Operations) -> None:
    """Deleted servers that can be brought back"""
    with open(do.plane.folder / "etc" / "nova.conf", "a") as file:
        file.write("\n[DEFAULT]\nreclaim_instance_interval = 86400\n")
    do.plane.restart("nova")
    three = do.create("three", "tiny")
    with keep.during("soft-delete-restore", three):
        do.plane.nova("DELETE", f"/servers/{three}")
        do.settled(three, "SOFT_DELETED")
        do.act(three, "restore", None, "ACTIVE")
    do.plane.nova("DELETE", f"/servers/{three}")
    do.settled(three, "SOFT_DELETED")
    do.plane.nova("POST", f"/servers/{three}/action", {"forceDelete": None})
    do.gone(three)


def _chapters(keep: Recorder, do: Operations, storage: Storage) -> Iterator[Any]:
    yield lambda: life_of_servers(keep, do)
    yield lambda: volumes(keep, do, storage)
    yield lambda: hosts_and_groups(keep, do)
    yield lambda: failures(keep, do)
    yield lambda: soft_deletion(keep, do)


def main(folder: pathlib.Path) -> None:
    """Record everything"""
    work = ROOT / ".work"
    work.mkdir(exist_ok=True)
    place = pathlib.Path(tempfile.mkdtemp(prefix="watcher-record-"))
    place.chmod(0o755)
    cloud = plane.Plane(place, work)
    for name in ("nova", "cinder", "sequences"):
        shutil.rmtree(folder / name, ignore_errors=True)
    try:
        cloud.start(0)
        with bus.Bus(cloud.rabbitmq.url) as ear:
            cloud.add_hosts(3)
            do, storage = Operations(cloud), Storage(cloud)
            keep = Recorder(ear, do, storage, folder)
            for chapter in _chapters(keep, do, storage):
                try:
                    chapter()
                except RuntimeError as error:
                    print(f"left out: {error}", flush=True)
            print(f"{keep.one_of_each()} types of notifications")
    finally:
        cloud.stop()
        shutil.rmtree(work / "record-log", ignore_errors=True)
        shutil.copytree(place / "log", work / "record-log")
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if sys.argv[1:] else
         ROOT / "tests" / "unit" / "cluster" / "samples")  # fmt: skip
