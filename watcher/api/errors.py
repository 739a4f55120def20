"""Errors as HTTP answers: the only place that knows how one looks.

Published clients read ``error_message`` as a string and, when a handler refused, decode
that string as JSON once more. ``code``, ``title`` and ``request_id`` beside it are ours.
"""

import http
import json
import re
from typing import Any
from xml.sax import saxutils

import webob
import webob.exc
from oslo_log import log

from watcher import exception
from watcher._i18n import _
from watcher.broker import NoAnswer

LOG = log.getLogger(__name__)
TRACEBACK = "Traceback (most recent call last):"
LONGEST_VALUE = 200
# Characters of an error that are told: enough for any that is not made of the request.
LONGEST_TEXT = 2000
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class InvalidInput(exception.Invalid):
    """A field or argument has a value that it cannot have"""

    msg_fmt = _(
        "Invalid input for field/attribute %(field)s. Value: '%(value)s'. %(reason)s"
    )

    def __init__(self, field: str, value: Any, reason: str) -> None:
        text = str(value)
        if len(text) > LONGEST_VALUE:
            text = text[:LONGEST_VALUE] + "..."
        super().__init__(field=field, value=text, reason=reason)


class UnknownAttribute(exception.Invalid):
    """The body has keys that nobody knows"""

    msg_fmt = _("Unknown attribute for argument %(argument)s: %(keys)s")


class UnknownArgument(exception.Invalid):
    """The query has names that nobody knows"""

    msg_fmt = _('Unknown argument: "%(names)s"')


class MissingArgument(exception.Invalid):
    """The body is mandatory and empty"""

    msg_fmt = _('Missing argument: "%(name)s"')


class NotJson(exception.Invalid):
    """The body cannot be read"""

    msg_fmt = _("Request is not in valid JSON format: %(reason)s")


class UnknownMediaType(exception.Invalid):
    """The body is of a kind that is not read here"""

    msg_fmt = _("Unknown mimetype: %(media_type)s")
    code = 415


class BodyTooLarge(exception.Invalid):
    """The body is longer than allowed"""

    msg_fmt = _("The body is larger than %(limit)s bytes")
    code = 413


class BodyBroken(exception.Invalid):
    """The body ended early, came too slowly, or in chunks that are none"""

    msg_fmt = _("The body could not be read to its end")


class LengthRequired(exception.Invalid):
    """The body comes in chunks, which the server in front does not hand over"""

    msg_fmt = _("This server takes no body in chunks; send it with Content-Length")
    code = 411


class FeatureNotThere(exception.NotAcceptable):
    """The request uses something of a later microversion"""


class RouterError(exception.WatcherException):
    """The request did not get as far as a handler"""

    sentence = ""

    def __init__(self, detail: str = "", **kwargs: Any) -> None:
        super().__init__(detail or self.sentence, **kwargs)
        self.detail = detail


class RouteNotFound(RouterError):
    """No such path"""

    code = 404
    sentence = _("The resource could not be found.")


class MethodNotAllowed(RouterError):
    """The path exists but not with this method"""

    code = 405
    sentence = _("The method is not allowed for this resource.")

    def __init__(self, allowed: list[str]) -> None:
        super().__init__()
        self.allowed = allowed


class TypeNotAcceptable(RouterError):
    """Nothing that the client accepts can be made here"""

    code = 406
    sentence = _("The resource is available as application/json and application/xml.")


class VersionRefused(RouterError):
    """No such microversion"""

    code = 406
    sentence = _("The version is not supported.")


def answer(error: BaseException, environ: dict[str, Any]) -> webob.Response:
    """Return the response that tells the client of ``error``"""
    status = _status(error)
    if status >= 500:
        _log(error, status)
    title = http.HTTPStatus(status).phrase
    if isinstance(error, RouterError):
        text = f"{status} {title}\n\n{error.sentence}\n\n{error.detail}\n\n"
    else:
        text = json.dumps(
            {
                "faultcode": "Client" if status < 500 else "Server",
                "faultstring": _short(_text(error)),
                "debuginfo": None,
            }
        )
    response = _response(text, status, title, environ)
    if isinstance(error, MethodNotAllowed):
        response.allow = error.allowed
    return response


def _response(
    text: str, status: int, title: str, environ: dict[str, Any]
) -> webob.Response:
    if environ.get("watcher.format") == "application/xml":
        body = f"<error_message text={saxutils.quoteattr(printable(text))}/>"
        media_type = "application/xml"
    else:
        media_type = "application/json"
        body = json.dumps(
            {
                "error_message": text,
                "code": status,
                "title": title,
                "request_id": environ.get("openstack.request_id"),
            }
        )
    response = webob.Response(status=status, content_type=media_type)
    response.charset = None
    response.body = body.encode()
    return response


def _status(error: BaseException) -> int:
    if isinstance(error, webob.exc.HTTPException):
        return int(error.status_int)
    status = getattr(error, "code", None)
    if isinstance(error, exception.WatcherException) and status in _KNOWN:
        return int(status)
    return 500


_KNOWN = {item.value for item in http.HTTPStatus if item.value >= 400}


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "..."


def _text(error: BaseException) -> str:
    if isinstance(error, exception.DatabaseUnavailable):
        # Its reason names hosts and users.
        return _("The database cannot be used now; try again later.")
    if isinstance(error, NoAnswer):
        return _("No decision engine or applier answered in time.")
    if isinstance(error, exception.WatcherException):
        if error.code < 500 or error.code == http.HTTPStatus.SERVICE_UNAVAILABLE:
            return error.format_message().partition(TRACEBACK)[0].rstrip()
    elif isinstance(error, webob.exc.HTTPException) and error.status_int < 500:
        return str(error.detail or error.explanation)
    # Details could be SQL, values or class names: they belong in the log.
    return _(
        "The request could not be served; the log has the details under its request id."
    )


def _log(error: BaseException, status: int) -> None:
    if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        LOG.error("Request cannot be served now: %s", error)
    else:
        LOG.error("Request failed", exc_info=error)


def printable(text: str) -> str:
    """Return ``text`` without the characters that XML cannot hold"""
    return _NOT_XML.sub("?", text)
