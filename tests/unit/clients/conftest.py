"""A web of services that answers from a script instead of a socket."""

import io
import json
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from keystoneauth1 import adapter, noauth, session
from requests.adapters import BaseAdapter

from watcher import exception
from watcher.clients.http import READ_S, Service

ROOT = "http://nova.test/v2.1"


class Web(BaseAdapter):
    """Stands in for the network: ``on`` says what an address answers"""

    def __init__(self):
        super().__init__()
        self.rules = []
        self.requests = []

    def on(self, method, path, *answers):
        """Answer calls one after the other, the last one for ever"""
        self.rules.append((method, path, list(answers)))

    def send(self, request, **kwargs):
        url = urlsplit(request.url)
        query = {k: v[0] for k, v in parse_qs(url.query).items()}
        seen = (request, query, kwargs.get("timeout"))
        self.requests.append(seen)
        for method, path, answers in self.rules:
            if method == request.method and url.path == path:
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                if callable(answer):
                    answer = answer(query)
                if isinstance(answer, Exception):
                    raise answer
                return self._respond(request, *answer)
        return self._respond(request, 404, {"itemNotFound": {"message": "no such"}})

    def _respond(self, request, status, body, headers=None):
        response = requests.Response()
        response.status_code = status
        response.reason = {200: "OK", 503: "Service Unavailable"}.get(status, "")
        response.url = request.url
        response.request = request
        text = body if isinstance(body, str) else json.dumps(body)
        response.raw = io.BytesIO(text.encode())
        response.headers.update(headers or {"Content-Type": "application/json"})
        return response

    def close(self):
        pass

    def paths(self, method="GET"):
        return [
            urlsplit(request.url).path
            for request, _query, _timeout in self.requests
            if request.method == method
        ]


@pytest.fixture
def web():
    return Web()


@pytest.fixture
def service(web):
    """Return the Service behind the scripted web, without waiting between attempts"""
    wire = requests.Session()
    wire.mount("http://", web)
    link = adapter.Adapter(
        session.Session(
            auth=noauth.NoAuth(endpoint=ROOT), session=wire, timeout=READ_S
        ),
        service_type="compute",
        raise_exc=False,
    )
    return Service(
        link, "Nova", exception.NovaClientError, retries=2, retry_interval_s=0.001
    )


def versions(newest):
    """Return Nova's version document"""
    return {
        "version": {
            "id": "v2.1",
            "status": "CURRENT",
            "version": newest,
            "min_version": "2.1",
            "links": [{"rel": "self", "href": ROOT}],
        }
    }


@pytest.fixture
def version_document():
    return versions
