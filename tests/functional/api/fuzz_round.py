"""What was stored is what was sent, after the documented normalisation.

Written without a look at the code that it checks: from the published description of the
fields alone.
"""

import copy
import datetime

from dateutil import parser

NAME = 63
SCOPES = {"compute", "storage", "baremetal"}
_PLURALS = {name[:-1]: name for name in (
    "host_aggregates", "availability_zones", "instances", "compute_nodes", "projects"
)}  # fmt: skip
EMPTY = {"parameters": {}, "default_parameters": {}, "scope": [], "force": False,
         "auto_trigger": False}  # fmt: skip
SKIPPED = "Action skipped by user."
# What a change of one field may change beside it.
_DRAGS = {
    "goal": {"goal_uuid", "goal_name", "strategy_uuid", "strategy_name", "parameters"},
    "strategy": {"strategy_uuid", "strategy_name", "parameters"},
    "state": {"state", "status_message", "deleted_at", "next_run_time"},
    "interval": {"interval", "next_run_time"},
    "start_time": {"start_time", "next_run_time"},
    "end_time": {"end_time", "next_run_time"},
}


def of_post(noun, sent, shown):
    """Yield fields of a new row that do not show what was sent"""
    wanted = {name: value for name, value in sent.items() if value is not None}
    if noun == "audits" and not wanted.get("name"):
        wanted.pop("name", None)
    if not wanted.get("strategy"):
        wanted.pop("strategy", None)
    yield from _compared(noun, wanted, shown)


def of_patch(noun, sent, before, after):
    """Yield fields that a patch left otherwise than it should"""
    document = copy.deepcopy(before)
    document["goal"] = before.get("goal_uuid")
    document["strategy"] = before.get("strategy_uuid")
    touched = set()
    for operation in sent:
        path = operation["path"][1:].split("/")
        touched.add(path[0])
        _apply(document, operation["op"], path, operation.get("value"))
    wanted = {name: document[name] for name in touched}
    if noun == "actions":
        yield from _action(wanted, before, after)
        wanted.pop("status_message", None)
        if wanted.get("state") in (None, ""):
            wanted.pop("state", None)
    yield from _compared(noun, wanted, after)
    may_change = {"updated_at", *touched}.union(*(_DRAGS.get(t, ()) for t in touched))
    for name in sorted(set(before) - may_change):
        if before[name] != after.get(name):
            yield f"{name} changed from {before[name]!r} to {after.get(name)!r}"


def _action(wanted, before, after):
    message = wanted.get("status_message")
    if not message or message in (SKIPPED, before["status_message"]):
        return
    if after["status_message"] != f"{SKIPPED} Reason: {message}":
        yield f"status_message is {after['status_message']!r}"


def _apply(document, op, path, value):
    for part in path[:-1]:
        document = document[int(part) if isinstance(document, list) else part]
    last = path[-1]
    if isinstance(document, list):
        if op == "add":
            document.insert(len(document) if last == "-" else int(last), value)
        elif op == "remove":
            del document[int(last)]
        else:
            document[int(last)] = value
    elif op != "remove":
        document[last] = copy.deepcopy(value)
    elif len(path) == 1:
        document[last] = EMPTY.get(last)
    else:
        del document[last]


def _compared(noun, wanted, shown):
    for name, value in wanted.items():
        if name == "audit_template_uuid":
            continue
        if name in ("goal", "strategy"):
            same = _names(value, shown[f"{name}_uuid"], shown[f"{name}_name"])
            found = shown[f"{name}_uuid"]
        else:
            found = shown.get(name)
            same = _same(noun, name, value, found)
        if not same:
            yield f"{name} was sent as {value!r} and is {found!r}"


def _names(value, uuid, name):
    if value is None:
        return uuid is None
    return value in (uuid, name) or str(value).lower() == (name or "").lower()


def _same(noun, name, value, found):
    if value is None:
        value = EMPTY.get(name)
    if name == "name" and noun == "audits":
        return found == value[:NAME]
    if name == "interval" and value is not None:
        return found == str(value)
    if name in ("auto_trigger", "force"):
        return found is _truth(value)
    if name in ("start_time", "end_time") and value is not None:
        return found == _moment(value)
    if name == "scope":
        return found == _scope(value)
    if name == "parameters":
        return _holds(found, value)
    return found == value


def _truth(value):
    if isinstance(value, str):
        return value in ("true", "t", "yes", "y", "on", "1")
    return bool(value)


def _moment(value):
    try:
        moment = datetime.datetime.fromisoformat(value.strip())
    except ValueError:
        today = datetime.datetime.combine(datetime.date.today(), datetime.time())
        moment = parser.parse(value, default=today)
    moment = moment.astimezone(datetime.UTC).replace(microsecond=0, tzinfo=None)
    return moment.isoformat()


def _scope(value):
    """The present form: every key of every object counts, the flat form means compute"""
    if not value:
        return []
    keys = {key for item in value for key in item}
    if not keys or keys & SCOPES:
        return value
    return [{"compute": [_plural(rule) for rule in value]}]


def _plural(rule):
    told = {_PLURALS.get(key, key): child for key, child in rule.items()}
    if isinstance(told.get("exclude"), list):
        told["exclude"] = [_plural(item) for item in told["exclude"]]
    return told


def _holds(found, value):
    """Whether all that was sent is there; defaults may stand beside it"""
    if isinstance(value, dict):
        return isinstance(found, dict) and all(
            key in found and _holds(found[key], child) for key, child in value.items()
        )
    if isinstance(value, list):
        return (
            isinstance(found, list)
            and len(found) == len(value)
            and all(_holds(*pair) for pair in zip(found, value, strict=True))
        )
    return found == value and isinstance(found, bool) == isinstance(value, bool)
