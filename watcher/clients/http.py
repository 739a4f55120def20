"""Requests to one OpenStack service, and the only place that reads its failures.

Reading requests are repeated when the connection fails. Changing ones never are: whether
they arrived may be unknown, and only their sender can find out.
"""

import datetime
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests
import urllib3
from keystoneauth1 import adapter as ks_adapter
from keystoneauth1 import exceptions as ks_exceptions

from watcher import exception

CONNECT_S = 5.0
READ_S = 60.0
CHANGE_S = 30.0
# A change leaves at most START_S + CONNECT_S after its sender was sure of its lease: with
# the 12 s that a lease is trusted, that is the 20 s after which another one takes over.
START_S = 3.0
RETRIES = 3
RETRY_INTERVAL_S = 2.0
REQUEST_ID = "X-OpenStack-Request-ID"


class Service:
    """One service behind its adapter; answers are JSON"""

    def __init__(
        self,
        adapter: ks_adapter.Adapter,
        name: str,
        error: type[exception.ClientError] = exception.ClientError,
        *,
        retries: int = RETRIES,
        retry_interval_s: float = RETRY_INTERVAL_S,
    ) -> None:
        self.adapter = adapter
        self.name = name
        self._error = error
        if adapter.connect_retries is not None:
            retries = adapter.connect_retries
        if adapter.connect_retry_delay is not None:
            retry_interval_s = adapter.connect_retry_delay
        self._retries = retries
        self._interval_s = retry_interval_s

    def get(
        self, path: str, version: str | None = None, **params: Any
    ) -> dict[str, Any]:
        """Return the JSON document at ``path``"""
        self._sign_in()
        timeout = self.adapter.session.timeout
        try:
            response = self.adapter.get(
                path,
                params=params,
                microversion=version,
                connect_retries=self._retries,
                connect_retry_delay=self._interval_s,
                timeout=(CONNECT_S, timeout),
            )
        except ks_exceptions.ClientException as error:
            raise self.failed(str(error)) from error
        self._check(response)
        return self._json(response)

    def change(
        self,
        method: str,
        path: str,
        version: str | None,
        body: Mapping[str, Any] | None,
        request_id: str,
        *,
        begun: float | None = None,
    ) -> str | None:
        """Send one changing request once and return the service's own request id

        ``begun`` is when the caller made sure (by the monotonic clock) that it may do
        this. Later than START_S + CONNECT_S after that nothing is sent.
        """
        begun = time.monotonic() if begun is None else begun
        response = self._send(method, path, version, body, request_id, begun)
        if response.status_code == 401:
            # The token ran out. It was refused before anything was done, so that asking
            # again is no repetition.
            self.adapter.session.invalidate(self.adapter.auth)
            response = self._send(method, path, version, body, request_id, begun)
        self._check(response, changing=True)
        own: str | None = response.headers.get(REQUEST_ID)
        return own

    def _send(
        self,
        method: str,
        path: str,
        version: str | None,
        body: Mapping[str, Any] | None,
        request_id: str,
        begun: float,
    ) -> requests.Response:
        self._sign_in()
        if (spent := time.monotonic() - begun) > START_S:
            raise exception.AuthorizationFailure(
                client=self.name,
                reason=f"signing in took {spent:.1f} s, so that nothing was sent",
            )
        try:
            return self.adapter.request(
                path,
                method,
                json=body,
                microversion=version,
                headers={REQUEST_ID: request_id},
                redirect=False,
                allow_reauth=False,
                connect_retries=0,
                status_code_retries=0,
                timeout=(CONNECT_S, CHANGE_S),
            )
        except ks_exceptions.ClientException as error:
            raise self.failed(str(error), unknown=_may_have_arrived(error)) from error

    def failed(
        self, reason: str, status: int | None = None, unknown: bool = False
    ) -> exception.ClientError:
        """Return the error of this service for the caller to raise"""
        return self._error(
            service=self.name, reason=reason, http_status=status, unknown=unknown
        )

    def guard(self, fn: Callable[[], Any]) -> Any:
        """Run discovery or other work of the session library, with our errors only"""
        self._sign_in()
        try:
            return fn()
        except ks_exceptions.ClientException as error:
            raise self.failed(str(error)) from error

    def _sign_in(self) -> None:
        """Get token and address first, so that a failure here means: nothing was sent"""
        try:
            self.adapter.session.get_auth_headers(self.adapter.auth)
            address = self.adapter.get_endpoint()
        except ks_exceptions.ClientException as error:
            raise exception.AuthorizationFailure(
                client=self.name, reason=str(error)
            ) from error
        if not address:
            raise self.failed("the service catalogue has no endpoint of this service")

    def _check(self, response: requests.Response, changing: bool = False) -> None:
        status = response.status_code
        if status < 300:
            return
        reason = reason_of(response)
        if status == 401:
            # A fresh token has been tried already.
            raise exception.AuthorizationFailure(client=self.name, reason=reason)
        # Behind a 5xx the work may go on: a proxy or the service itself gave up waiting.
        raise self.failed(reason, status, unknown=changing and status >= 500)

    def _json(self, response: requests.Response) -> dict[str, Any]:
        try:
            document = response.json()
        except ValueError as error:
            raise self.failed(
                f"the answer of {response.url} is not JSON", response.status_code
            ) from error
        if not isinstance(document, dict):
            raise self.failed(
                f"the answer of {response.url} is not a JSON object",
                response.status_code,
            )
        return document


def reason_of(response: requests.Response) -> str:
    """Return the sentence that an error response carries, else its status line"""
    line = f"HTTP {response.status_code} {response.reason or ''}".strip()
    try:
        body = response.json()
    except ValueError:
        return line
    if not isinstance(body, dict):
        return line
    if isinstance(errors := body.get("errors"), list) and errors:
        body = {"error": errors[0]}
    for part in body.values():
        if isinstance(part, str) and part.startswith("{"):
            # Ironic wraps a document in a text.
            part = _document(part)
        if isinstance(part, dict):
            text = (
                part.get("message")
                or part.get("detail")
                or part.get("title")
                or part.get("faultstring")
            )
            if isinstance(text, str) and text.strip():
                return text.strip()
    return line


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def moment(text: str | None) -> datetime.datetime | None:
    """Return the naive UTC time that an OpenStack service wrote as text"""
    if not text:
        return None
    value = datetime.datetime.fromisoformat(text)
    if value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return value


def _may_have_arrived(error: ks_exceptions.ClientException) -> bool:
    """Tell whether the service may have got a request that ended in this error"""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, requests.exceptions.ConnectTimeout):
        return False
    if isinstance(cause, requests.exceptions.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" not in str(cause)
    if isinstance(cause, requests.exceptions.ConnectionError) and cause.args:
        reason = getattr(cause.args[0], "reason", None)
        return not isinstance(reason, urllib3.exceptions.NewConnectionError)
    return True
