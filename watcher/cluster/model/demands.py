"""What a flavor demands of hosts beside vCPUs, memory and disk."""

import re
from collections.abc import Mapping

Specs = Mapping[str, str]

REQUIRED = "required"
FORBIDDEN = "forbidden"
_TRAIT = re.compile(r"trait\d*:(?P<name>.+)")
_RESOURCE = re.compile(r"resources\d*:(?P<name>.+)")
_USUAL = frozenset(("VCPU", "MEMORY_MB", "DISK_GB"))


def traits(specs: Specs) -> tuple[frozenset[str], frozenset[str]]:
    """Return the traits that a host must have, and those that it must not have"""
    found: dict[str, set[str]] = {REQUIRED: set(), FORBIDDEN: set()}
    for key, value in specs.items():
        if (match := _TRAIT.fullmatch(key)) and value in found:
            found[value].add(match["name"])
    return frozenset(found[REQUIRED]), frozenset(found[FORBIDDEN])


def resources(specs: Specs) -> dict[str, int]:
    """Return amounts of other resource classes that the flavor asks for by name

    :raises ValueError: an amount is no number
    """
    found: dict[str, int] = {}
    for key, value in specs.items():
        if (match := _RESOURCE.fullmatch(key)) and match["name"] not in _USUAL:
            found[match["name"]] = found.get(match["name"], 0) + int(value)
    return {name: amount for name, amount in found.items() if amount > 0}


def dedicated(specs: Specs) -> bool:
    """Tell whether some of a server's CPUs are its own, which Placement counts as PCPU"""
    return specs.get("hw:cpu_policy") in ("dedicated", "mixed")


def special(specs: Specs) -> bool:
    """Tell whether a server takes other resources than vCPUs, memory and disk"""
    return dedicated(specs) or any(_RESOURCE.fullmatch(key) for key in specs)


def numa_nodes(specs: Specs) -> int:
    """Return over how many NUMA nodes a server is spread; 0: it has no topology

    Dedicated CPUs and large pages alone make a topology of one node, as Nova has it.
    """
    text = specs.get("hw:numa_nodes", "")
    if text.isdigit():
        return int(text)
    pages = specs.get("hw:mem_page_size", "small")
    return 1 if dedicated(specs) or pages not in ("", "small") else 0
