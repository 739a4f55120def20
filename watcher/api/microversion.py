"""The microversions, one line each on what changed, and how one is agreed on."""

import re
from collections.abc import Mapping

import microversion_parse

from watcher._i18n import _
from watcher.api import errors

SERVICE_TYPE = "infra-optim"
HEADER = "OpenStack-API-Version"
MAJOR = 1
HISTORY: Mapping[int, str] = {
    0: "The base.",
    1: "Audits have start_time and end_time.",
    2: "Audits have force.",
    3: "GET /v1/data_model.",
    4: "Audits of type EVENT, and POST /v1/webhooks/{audit}.",
    5: "PATCH /v1/actions/{action}; audits, action plans and actions show status_message.",
    6: "Rows of the data model show server_pinned_az and server_flavor_extra_specs.",
    7: "Audit templates have default_parameters.",
}
MIN, MAX = min(HISTORY), max(HISTORY)
VARY = [("Vary", HEADER)]
RANGE = [
    ("OpenStack-API-Minimum-Version", f"{MAJOR}.{MIN}"),
    ("OpenStack-API-Maximum-Version", f"{MAJOR}.{MAX}"),
]

_NUMBER = re.compile(r"-?[0-9]+\Z")


def asked(header: str | None) -> int:
    """Return the minor version that a request header asks for

    :raises VersionRefused: it asks for one that there is not
    """
    if not header:
        return MIN
    text = microversion_parse.get_version({HEADER: header}, SERVICE_TYPE)
    if not text or len(text.split()) > 1:
        return MIN
    if text.lower() == "latest":
        return MAX
    parts = text.split(".")
    if not all(_NUMBER.match(part) for part in parts):
        return MIN
    numbers = [int(part) for part in parts if len(part) < 10]
    if len(parts) == 1 and numbers == [MAJOR]:
        return MIN
    supported = f"[{MAJOR}.{MIN}, {MAJOR}.{MAX}]"
    if len(numbers) != 2 or len(parts) != 2 or numbers[0] != MAJOR:
        raise errors.VersionRefused(
            _(
                "Mutually exclusive versions requested. Version %(version)s requested "
                "but not supported by this service. The supported version range is: "
                "%(supported)s."
            )
            % {"version": text, "supported": supported}
        )
    if not MIN <= numbers[1] <= MAX:
        raise errors.VersionRefused(
            _(
                "Version %(version)s was requested but the minor version is not "
                "supported by this service. The supported version range is: "
                "%(supported)s."
            )
            % {"version": text, "supported": supported}
        )
    return numbers[1]


def headers(minor: int | None) -> list[tuple[str, str]]:
    """Return what every answer carries; without the version when none was agreed on"""
    if minor is None:
        return VARY + RANGE
    return [*VARY, *RANGE, (HEADER, f"{SERVICE_TYPE} {MAJOR}.{minor}")]
