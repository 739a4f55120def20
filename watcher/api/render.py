"""Bodies of answers: JSON, and XML for the few who ask for it."""

import json
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.sax import saxutils

import pecan
from webob import acceptparse

from watcher.api import errors

JSON, XML = "application/json", "application/xml"
_XML_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a handler says when the body alone is not enough"""

    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def media_type(accept: str | None) -> str:
    """Choose the format of the answer

    :raises TypeNotAcceptable: the client accepts neither
    """
    if not accept:
        return JSON
    header = acceptparse.create_accept_header(accept)
    weights = dict(header.acceptable_offers([JSON, XML, "text/xml"]))
    # Wildcards mean JSON: only somebody who names an XML type wants that.
    named = [
        weights[name]
        for name in (XML, "text/xml")
        if name in weights and name in accept.lower()
    ]
    if named and max(named) >= weights.get(JSON, 0):
        return XML
    if JSON in weights:
        return JSON
    raise errors.TypeNotAcceptable


def response(
    answer: Any, status: int, form: str, as_text: Container[str] = ()
) -> pecan.Response:
    """Return the HTTP response that carries ``answer``"""
    headers: dict[str, str] = {}
    if isinstance(answer, Answer):
        headers, answer = answer.headers, answer.body
    made = pecan.Response(status=status)
    made.headers.update(headers)
    if answer is None:
        made.content_type = None
        return made
    text = xml(answer, as_text) if form == XML else json.dumps(answer)
    made.content_type = form
    made.charset = None
    made.body = text.encode()
    return made


def xml(document: Any, as_text: Container[str] = ()) -> str:
    """Return ``document`` as XML with root ``result`` and list items ``item``

    The fields named in ``as_text`` hold JSON of anybody's making and become text.
    """
    return "".join(_element("result", document, as_text))


def _element(name: str, value: Any, as_text: Container[str]) -> Iterator[str]:
    if value is None:
        yield f'<{name} nil="true"/>'
        return
    yield f"<{name}>"
    if isinstance(value, dict) and name not in as_text:
        for key, child in value.items():
            # Keys that are not declared by us need not be XML names.
            yield from _element(key if _XML_NAME.match(key) else "item", child, as_text)
    elif isinstance(value, list | tuple) and name not in as_text:
        for child in value:
            yield from _element("item", child, as_text)
    else:
        plain = value if isinstance(value, str) else json.dumps(value)
        yield saxutils.escape(errors.printable(plain))
    yield f"</{name}>"
