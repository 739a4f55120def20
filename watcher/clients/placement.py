"""The placement service: inventories and usages of many providers at once."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from watcher import exception
from watcher.clients.http import Service
from watcher.clients.records import Inventory, Offer

VERSION = "1.14"  # nested providers are known; what we read has not changed since
# Since 1.27 a candidate's summary has all its resource classes, since 1.17 its traits.
CANDIDATES = "1.27"
WORKERS = 8

T = TypeVar("T")


class Placement:
    """Placement behind an adapter; one request per provider, a few of them at a time"""

    def __init__(self, service: Service, *, workers: int = WORKERS) -> None:
        self._http = service
        self._workers = workers

    def inventories(self, providers: Sequence[str]) -> dict[str, dict[str, Inventory]]:
        """Return provider -> resource class -> inventory; unknown providers are left out"""
        return self._each(providers, self._inventories)

    def usages(self, providers: Sequence[str]) -> dict[str, dict[str, int]]:
        """Return provider -> resource class -> amount used; unknown ones are left out"""
        return self._each(providers, self._usages)

    def offers(self) -> dict[str, Offer]:
        """Return what is used, and the traits, of each provider with a free VCPU

        One request for all: providers that have no room are no candidates and missing.
        """
        body = self._http.get("/allocation_candidates", CANDIDATES, resources="VCPU:1")
        return {
            provider: Offer(
                used={
                    name: int(raw["used"]) for name, raw in summary["resources"].items()
                },
                traits=frozenset(summary.get("traits") or ()),
            )
            for provider, summary in body["provider_summaries"].items()
        }

    def _inventories(self, provider: str) -> dict[str, Inventory]:
        path = f"/resource_providers/{provider}/inventories"
        body = self._http.get(path, VERSION)
        return {
            name: Inventory(
                total=int(raw["total"]),
                reserved=int(raw.get("reserved") or 0),
                allocation_ratio=float(raw.get("allocation_ratio") or 1.0),
            )
            for name, raw in body["inventories"].items()
        }

    def _usages(self, provider: str) -> dict[str, int]:
        path = f"/resource_providers/{provider}/usages"
        usages: Mapping[str, int] = self._http.get(path, VERSION)["usages"]
        return {name: int(amount) for name, amount in usages.items()}

    def _each(self, providers: Sequence[str], fn: Callable[[str], T]) -> dict[str, T]:
        def one(provider: str) -> T | None:
            try:
                return fn(provider)
            except exception.PlacementClientError as error:
                if error.http_status == 404:
                    return None
                raise

        names = sorted(set(providers))
        if not names:
            return {}
        with ThreadPoolExecutor(
            min(self._workers, len(names)), thread_name_prefix="placement"
        ) as pool:
            try:
                found = list(pool.map(one, names))
            except exception.WatcherException:
                # One failure fails the whole; do not wait for a thousand more.
                pool.shutdown(cancel_futures=True)
                raise
        return {
            name: answer
            for name, answer in zip(names, found, strict=True)
            if answer is not None
        }
