"""The API's description, and the tables and blocks that pages are made of."""

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import webob

import watcher.conf
from watcher.api import app, openapi
from watcher.plugins import Plugins
from watcher.policy import Enforcer

Document = Mapping[str, Any]
Row = Sequence[str]


@functools.cache
def document() -> Document:
    """Return the description as an API of this source tree serves it"""
    conf = watcher.conf.load("docs", default_config_files=[])
    served = app.build(
        conf, None, None, Enforcer(conf), Plugins(conf), identity=lambda inner: inner
    )
    answer = webob.Request.blank(openapi.PATH).get_response(served)
    found: Document = json.loads(answer.body)
    return found


def operations() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Return path, method and description of everything that can be asked"""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def table(header: Row, rows: Iterable[Row], widths: str = "auto") -> list[str]:
    """Return the lines of a table; its cells are reStructuredText"""
    rows = list(rows)
    if not rows:
        return []
    lines = ["", ".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in (header, *rows):
        for place, cell in enumerate(row):
            lines.append(f"   {'*' if place == 0 else ' '} - {cell}")
    return [*lines, ""]


def block(sample: Any) -> list[str]:
    """Return the lines of a block of JSON"""
    text = json.dumps(sample, indent=2)
    return ["", ".. code-block:: json", "", *(f"   {x}" for x in text.split("\n")), ""]
