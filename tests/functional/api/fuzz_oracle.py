"""What must hold for every answer, whatever was asked."""

import json
import re
import types
import urllib.parse
from xml.etree import ElementTree

from requests.structures import CaseInsensitiveDict

from tests.functional.api.fuzz_routes import OPEN, declared, template
from tests.functional.api.fuzz_wire import LATE, ROLES
from tests.unit.api.described import Described
from watcher.api import errors, microversion

ADMIN, READER, NOBODY = ROLES
REFUSALS = frozenset((400, 403, 404, 405, 406, 409, 411, 413, 415))
GOOD = {
    "GET": {200},
    "HEAD": {200},
    "POST": {200, 201, 202},
    "PUT": {200},
    "PATCH": {200},
    "DELETE": {204},
    "OPTIONS": {200},
}
READS = ("GET", "HEAD", "OPTIONS")
# Seconds: a request that takes longer is as good as hanging, even on a busy machine.
SLOW = LATE / 2
_ID = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_INTERNALS = re.compile(
    r"Traceback|sqlalchemy|pymysql|psycopg|sqlite3|watcher\.[a-z]+\."
)
_DECLARED = declared()


class Judge:
    """Says what is wrong with an answer; ``document`` is the API's own description"""

    def __init__(self, document):
        self._described = Described(document)

    def __call__(self, request, answer):
        """Return the complaints about an answer"""
        try:
            found = list(complaints(request, answer))
            if not found:
                self._compare(request, answer)
        except AssertionError as error:
            found = [f"not as described: {error}"]
        except (ValueError, KeyError, TypeError, SyntaxError) as error:
            found = [f"the body is not what it should be: {error!r}"]
        return found

    def _compare(self, request, answer):
        path = request.path
        if template(path) == "elsewhere" or request.method not in GOOD:
            return
        if request.header("Host", None) is not None:
            # Whoever sends a strange one gets it back in every link.
            return
        try:
            minor = microversion.asked(request.header(microversion.HEADER) or None)
        except errors.VersionRefused:
            minor = microversion.MAX
        told = types.SimpleNamespace(
            status=answer.status,
            headers=CaseInsensitiveDict(answer.headers),
            raw=answer.body,
            json=json.loads(answer.body or b"null")
            if "json" in answer.header("content-type")
            else None,
        )
        # A slash inside of a name is no slash of the path.
        path = re.sub("%2f", "_", path, flags=re.IGNORECASE)
        self._described.compare(request.method, urllib.parse.unquote(path), told, minor)


def complaints(request, answer):
    """Yield what is wrong with an answer, seen by itself"""
    status = answer.status
    known = GOOD.get(request.method, set()) | REFUSALS
    if not status:
        yield "no answer"
        return
    if status not in known:
        yield f"status {status}"
    if answer.seconds > SLOW:
        yield f"{answer.seconds:.1f} s"
    if not _ID.match(answer.header("x-openstack-request-id")):
        yield "no request id"
    yield from _version_headers(request, answer)
    yield from _body(request, answer)
    if request.who == NOBODY:
        yield from _of_nobody(request, answer)
    if request.who != ADMIN and status < 300 and request.method not in READS:
        yield f"{request.who} may change things"


def _version_headers(request, answer):
    if request.path.strip("/") == "":
        return
    if answer.header("openstack-api-minimum-version") != "1.0":
        yield "no minimum version"
    if answer.header("openstack-api-maximum-version") != "1.7":
        yield "no maximum version"
    if "OpenStack-API-Version" not in answer.header("vary"):
        yield "no Vary"
    if answer.status < 300 and not answer.header("openstack-api-version"):
        yield "no version"


def _body(request, answer):
    if request.method in ("HEAD", "OPTIONS") or answer.status in (202, 204):
        if answer.body:
            yield "a body where there is none"
        return
    kind = answer.header("content-type")
    if answer.status < 400:
        if kind == "application/xml":
            ElementTree.fromstring(answer.body)
        elif kind.startswith("application/json"):
            json.loads(answer.body, parse_constant=_not_json)
        else:
            yield f"content type {kind!r}"
    elif not request.path.startswith(("/healthcheck", "/readyz")):
        yield from _fault(request, answer, kind)


def _not_json(text):
    raise ValueError(f"{text} in an answer")


def _fault(request, answer, kind):
    if kind == "application/xml":
        if ElementTree.fromstring(answer.body).tag != "error_message":
            yield "an error of another shape"
        return
    found = json.loads(answer.body)
    text = found["error_message"]
    if found["code"] != answer.status or not found["title"]:
        yield "an error that contradicts its status"
    if found["request_id"] != answer.header("x-openstack-request-id"):
        yield "an error with another request id"
    if not isinstance(text, str):
        yield "error_message is no text"
    elif text.startswith("{"):
        fault = json.loads(text)
        if fault["faultcode"] != "Client" or fault["debuginfo"] is not None:
            yield "a fault that is not the client's"
        if not fault["faultstring"]:
            yield "a fault that says nothing"
        if _INTERNALS.search(fault["faultstring"]) and not _INTERNALS.search(
            request.target + str(request.body)
        ):
            yield "a fault that shows internals"
    elif not text.startswith(f"{answer.status} "):
        yield "an error of neither form"


def _of_nobody(request, answer):
    route = template(request.path)
    if answer.status < 300 and request.method != "OPTIONS" and route not in OPEN:
        yield "nobody may do that"
    method = "GET" if request.method == "HEAD" else request.method
    # Known routes say the same whether or not the row is there.
    if (method, route) in _DECLARED and answer.status not in (403, 406):
        yield f"nobody learns more than 403: {answer.status}"
