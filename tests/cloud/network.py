"""The least network API that lets Nova work with servers that have no port.

usage: network.py PORT

Nova asks it before it deletes or live-migrates a server. Every list is empty.
"""

import json
import sys

import waitress

EXTENSIONS = (
    "binding",
    "binding-extended",
    "fip-port-details",
    "multi-provider",
    "port-resource-request",
    "port-resource-request-groups",
    "quotas",
    "security-group",
)
QUOTAS = ("floatingip", "network", "port", "router", "security_group",
          "security_group_rule", "subnet")  # fmt: skip
DEFAULT_GROUP = {
    "id": "00000000-0000-0000-0000-0000000000d0",
    "name": "default",
    "description": "",
    "project_id": "",
    "tenant_id": "",
    "security_group_rules": [],
}


def answer(method, parts):
    """Return the body for a path, or None when there is nothing"""
    if not parts:
        return {"versions": [{"id": "v2.0", "status": "CURRENT", "links": []}]}
    if parts == ["v2.0"]:
        return {"resources": []}
    if parts[1] == "extensions":
        return {
            "extensions": [
                {"alias": name, "name": name, "description": name, "links": [],
                 "updated": "2020-01-01T00:00:00-00:00"}
                for name in EXTENSIONS
            ]
        }  # fmt: skip
    if parts[1] == "quotas":
        return {"quota": dict.fromkeys(QUOTAS, -1)}
    if parts[1] == "security-groups":
        return {"security_groups": [DEFAULT_GROUP]}
    if len(parts) == 2 and method == "GET":
        return {parts[1].replace("-", "_"): []}
    return None


def app(environ, start_response):
    """WSGI application"""
    parts = [part for part in environ["PATH_INFO"].split("/") if part]
    body = answer(environ["REQUEST_METHOD"], parts)
    status = "200 OK"
    if body is None:
        status = "404 Not Found"
        body = {"NeutronError": {"type": "NotFound", "message": "", "detail": ""}}
    data = json.dumps(body).encode()
    start_response(
        status,
        [("Content-Type", "application/json"), ("Content-Length", str(len(data)))],
    )
    return [data]


# Horizon leaves a connection of each page open for minutes.
waitress.serve(
    app,
    host="127.0.0.1",
    port=int(sys.argv[1]),
    threads=4,
    connection_limit=4000,
    asyncore_use_poll=True,
)
