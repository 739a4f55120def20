"""Makes a failing request smaller, as long as it fails in the same way."""

import dataclasses
import json

# Attempts that one failure is worth.
MOST = 150


def smaller(run, request, answer, found):
    """Return the smallest request found that fails as ``found`` says, and its answer"""
    attempts = 0
    progress = True
    while progress and attempts < MOST:
        progress = False
        for candidate in _candidates(request):
            attempts += 1
            got, complaints = run.attempt(candidate)
            if complaints and complaints[0] == found[0]:
                request, answer, progress = candidate, got, True
                break
            if attempts >= MOST:
                break
    return request, answer


def _candidates(request):
    for index in range(len(request.headers)):
        rest = request.headers[:index] + request.headers[index + 1 :]
        yield dataclasses.replace(request, headers=rest)
    if request.query:
        yield dataclasses.replace(request, query="")
        pairs = request.query.split("&")
        if len(pairs) > 1:
            for index in range(len(pairs)):
                rest = "&".join(pairs[:index] + pairs[index + 1 :])
                yield dataclasses.replace(request, query=rest)
    if request.body:
        yield from _bodies(request)


def _bodies(request):
    try:
        document = json.loads(request.body)
    except (ValueError, RecursionError):
        return
    for candidate in _documents(document):
        text = json.dumps(candidate).encode()
        if len(text) < len(request.body):
            yield dataclasses.replace(request, body=text)


def _documents(value):
    """Yield documents with one part less"""
    if isinstance(value, dict):
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
        for key, child in value.items():
            for less in _documents(child):
                yield {**value, key: less}
    elif isinstance(value, list):
        for index in range(len(value)):
            yield value[:index] + value[index + 1 :]
        for index, child in enumerate(value):
            for less in _documents(child):
                yield [*value[:index], less, *value[index + 1 :]]
    elif isinstance(value, str) and len(value) > 1:
        yield value[: len(value) // 2]
        yield value[len(value) // 2 :]
    elif value not in (0, None, "", False):
        yield 0
