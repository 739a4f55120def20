"""Reading a scope document: which rules it has for which model.

A document is a list of objects whose keys name models, each with a list of rules. The old
flat form, a list of rules, means compute. Every key of every object counts.
"""

from collections.abc import Collection, Mapping
from typing import Any

COMPUTE = "compute"
MODELS = (COMPUTE, "storage", "baremetal")

_PLURAL = {
    "host_aggregate": "host_aggregates",
    "availability_zone": "availability_zones",
    "instance": "instances",
    "compute_node": "compute_nodes",
    "project": "projects",
}


def is_flat(document: Any, models: Collection[str] = MODELS) -> bool:
    """Tell whether the document has rules where objects per model are expected"""
    if not isinstance(document, list):
        return False
    keys = {key for item in document if isinstance(item, Mapping) for key in item}
    return bool(keys) and not keys & set(models)


def normalise(document: Any, models: Collection[str] = MODELS) -> Any:
    """Return the document in the form with objects per model; nothing gives []

    What is no scope at all is returned as it is, for the validation to refuse.
    """
    if document is None or document == {} or document == []:
        return []
    if is_flat(document, models):
        return [{COMPUTE: [_plural(rule) for rule in document]}]
    return document


def section(document: Any, model: str) -> list[Mapping[str, Any]]:
    """Return all rules that a valid document has for a model; none means everything"""
    rules: list[Mapping[str, Any]] = []
    for item in normalise(document, (*MODELS, model)):
        rules.extend(item.get(model) or ())
    return rules


def spoken_of(document: Any, models: Collection[str] = MODELS) -> list[str]:
    """Return the models that a valid document has rules for, by name

    ``models`` are all that are known: others make it one of the flat form.
    """
    names = {name for item in normalise(document, models) for name in item}
    return sorted(name for name in names if section(document, name))


def places(document: Any, model: str) -> list[str]:
    """Return the JSON pointer of each rule that ``section`` returns, in that order

    They point into the normal form of the document.
    """
    return [
        f"/{number}/{model}/{place}"
        for number, item in enumerate(normalise(document, (*MODELS, model)))
        for place in range(len(item.get(model) or ()))
    ]


def _plural(rule: Any) -> Any:
    if not isinstance(rule, Mapping):
        return rule
    # Where both are given the singular stays, to be refused: no rule is dropped.
    result = {
        key if _PLURAL.get(key) in rule else _PLURAL.get(key, key): value
        for key, value in rule.items()
    }
    excluded = result.get("exclude")
    if isinstance(excluded, list):
        result["exclude"] = [_plural(item) for item in excluded]
    return result
