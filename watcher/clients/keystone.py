"""The identity service: what other services there are."""

from watcher.clients.http import Service


class Keystone:
    """Keystone behind an adapter"""

    def __init__(self, service: Service) -> None:
        self._http = service

    def has_service(self, service_type: str) -> bool:
        """Tell whether the catalogue has an enabled service of that type"""
        body = self._http.get("/services", type=service_type)
        return any(row.get("enabled", True) for row in body["services"])
