"""Bodies that clients send, by what they do; shown in the API's description of itself."""

from collections.abc import Mapping
from typing import Any

Examples = Mapping[str, Any]


def _replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


NOTHING: Examples = {"nothing": {}}
NEW_TEMPLATES: Examples = {
    "goal": {"name": "nightly", "goal": "dummy"},
    "everything": {
        "name": "zone-a",
        "goal": "dummy",
        "strategy": "dummy",
        "description": "Zone A, without the database hosts",
        "scope": [
            {
                "compute": [
                    {"availability_zones": [{"name": "zone-a"}]},
                    {"exclude": [{"host_aggregates": [{"name": "databases"}]}]},
                ]
            }
        ],
        "default_parameters": {"para1": 4.2},
    },
}
TEMPLATE_PATCHES: Examples = {
    "describe": [
        {"op": "add", "path": "/description", "value": "Every night"},
    ],
    "aim": [
        _replace("/strategy", "dummy"),
        _replace("/default_parameters", {"para1": 5.0}),
    ],
    "widen": [{"op": "remove", "path": "/scope"}],
}
NEW_AUDITS: Examples = {
    "once": {"audit_type": "ONESHOT", "goal": "dummy"},
    "parameters": {
        "name": "trial",
        "audit_type": "ONESHOT",
        "goal": "dummy",
        "strategy": "dummy",
        "parameters": {"para1": 5.5, "para2": "hello"},
        "auto_trigger": True,
    },
    "template": {
        "audit_type": "ONESHOT",
        "audit_template_uuid": "5e70a156-ced7-4012-b1c6-88fcb02ee0c1",
    },
    "hourly": {
        "audit_type": "CONTINUOUS",
        "goal": "dummy",
        "interval": "3600",
        "start_time": "2030-01-01T00:00:00+00:00",
        "end_time": "2030-06-30T23:59:59+00:00",
        "force": True,
    },
    "nights": {"audit_type": "CONTINUOUS", "goal": "dummy", "interval": "0 3 * * *"},
    "alarm": {"name": "on-alarm", "audit_type": "EVENT", "goal": "dummy"},
}
AUDIT_PATCHES: Examples = {
    "cancel": [_replace("/state", "CANCELLED")],
    "slower": [_replace("/interval", "7200"), _replace("/name", "slow")],
    "window": [
        _replace("/start_time", "2030-02-01T00:00:00+00:00"),
        {"op": "remove", "path": "/end_time"},
    ],
}
EXECUTION: Examples = {
    "nights": {
        "window": {
            "days": ["mon", "tue", "wed", "thu"],
            "from": "22:00",
            "to": "05:00",
            "timezone": "Europe/Berlin",
        },
        "max_moves": 40,
    },
    "gently": {
        "limits": {"running": 4, "moves_to_node": 1, "types": {"volume_migrate": 1}},
        "on_failure": "offer",
    },
    "nothing": {},
}
PLAN_PATCHES: Examples = {
    "start": [_replace("/state", "PENDING")],
    "cancel": [_replace("/state", "CANCELLED")],
}
ACTION_PATCHES: Examples = {
    "skip": [
        _replace("/state", "SKIPPED"),
        _replace("/status_message", "the host is back"),
    ],
}
