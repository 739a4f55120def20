"""The message bus: options, serialisation, transports, and a notifier that tells.

oslo.messaging reads options of its own from the configuration object of its transport, but
registers some of them on the library's global object only. ``register`` puts all of them
on ours.
"""

import contextlib
import copy
from collections.abc import Iterator, Mapping
from typing import Any, cast

import watcher._threading  # noqa: F401

# isort: split
import oslo_messaging
from oslo_config import cfg
from oslo_messaging import opts as messaging_opts
from oslo_messaging._metrics import client as metrics_options
from oslo_messaging._tracing import client as tracing_options
from oslo_messaging.transport import NotificationTransport
from oslo_serialization import jsonutils

from watcher import context, exception

EXCHANGE = "watcher"
# Only these errors are rebuilt on the caller's side, under the published path.
REMOTE_ERRORS = [exception.MODULE]


def register(conf: cfg.ConfigOpts) -> None:
    """Register every option of oslo.messaging on ``conf``; may be called again"""
    for group, options in messaging_opts.list_opts():
        for option in options:
            _register(conf, option, group)
    for option in metrics_options.oslo_messaging_metrics:
        _register(conf, option, "oslo_messaging_metrics")
    for option in tracing_options.oslo_messaging_tracing:
        _register(conf, option, "oslo_messaging_tracing")
    conf.set_default("control_exchange", EXCHANGE)


def _register(conf: cfg.ConfigOpts, option: cfg.Opt, group: str | None) -> None:
    conf.register_opt(copy.deepcopy(option), group=group)


class JsonSerializer(oslo_messaging.NoOpSerializer):  # type: ignore[misc]
    """Turns arguments and results into plain JSON, as both sides always did"""

    def serialize_entity(self, ctxt: Any, entity: Any) -> Any:
        """Return ``entity`` as lists, dictionaries and plain values"""
        return jsonutils.to_primitive(entity, convert_instances=True)


class ContextSerializer(oslo_messaging.Serializer):  # type: ignore[misc]
    """Carries the request context; never the token of the user behind it"""

    def __init__(self, base: oslo_messaging.Serializer | None = None):
        self._base = base or JsonSerializer()

    def serialize_entity(self, ctxt: Any, entity: Any) -> Any:
        """Serialise an argument or a result"""
        return self._base.serialize_entity(ctxt, entity)

    def deserialize_entity(self, ctxt: Any, entity: Any) -> Any:
        """Rebuild an argument or a result"""
        return self._base.deserialize_entity(ctxt, entity)

    def serialize_context(self, ctxt: Any) -> dict[str, Any]:
        """Return the context as a dictionary without secrets.

        Engines work with credentials of their own and read everything else from rows, so
        no message needs a token (nor the catalog that comes with it).
        """
        values = dict(ctxt) if isinstance(ctxt, Mapping) else dict(ctxt.to_dict())
        for key in ("auth_token", "auth_token_info", "service_token"):
            if values.get(key):
                values[key] = None
        return values

    def deserialize_context(self, ctxt: Mapping[str, Any]) -> context.RequestContext:
        """Rebuild the context; what newer or older senders add is ignored"""
        ctx = context.RequestContext.from_dict(dict(ctxt))
        # Threads of the pool are used again: without this the log would go on naming
        # the request that the thread served first.
        ctx.update_store()
        return ctx


def rpc_transport(conf: cfg.ConfigOpts) -> oslo_messaging.Transport:
    """Return the transport of calls and casts; nothing is connected yet"""
    register(conf)
    with _configured("DEFAULT"):
        return oslo_messaging.get_rpc_transport(
            conf, allowed_remote_exmods=REMOTE_ERRORS
        )


def notification_transport(conf: cfg.ConfigOpts) -> Any:
    """Return the transport of notifications; nothing is connected yet"""
    register(conf)
    with _configured("oslo_messaging_notifications"):
        return oslo_messaging.get_notification_transport(conf)


@contextlib.contextmanager
def _configured(group: str) -> Iterator[None]:
    """Turn what the library says about a transport URL into an error that names it"""
    try:
        yield
    except (
        oslo_messaging.InvalidTransportURL, oslo_messaging.DriverLoadFailure, ValueError
    ) as error:  # fmt: skip
        # The URL may hold a password, so it is not repeated.
        raise exception.ConfigInvalid(
            group=group,
            option="transport_url",
            reason=f"must look like rabbit://user:password@host:5672/ ({_why(error)})",
        ) from error


def _why(error: Exception) -> str:
    if isinstance(error, oslo_messaging.DriverLoadFailure):
        return f"there is no driver {error.driver}"
    return "its port is not a number" if isinstance(error, ValueError) else str(error)


class NotSent(exception.WatcherException):
    """A notification did not reach the broker"""

    msg_fmt = "The notification could not be sent: %(reason)s"


class _TellingTransport(NotificationTransport):  # type: ignore[misc]
    """Remembers failures, which the library's notification drivers only log"""

    def __init__(self, driver: Any):
        super().__init__(driver)
        self.failure: Exception | None = None
        self.identity: Mapping[str, str] = {}

    def _send_notification(
        self, target: Any, ctxt: Any, message: dict[str, Any], version: float,
        retry: int | None = None,
    ) -> None:  # fmt: skip
        message.update(self.identity)
        try:
            super()._send_notification(target, ctxt, message, version, retry=retry)
        except Exception as error:  # whatever it is, the sender wants to try again
            self.failure = error


class Notifier:
    """Sends notifications from one thread and raises NotSent when the broker is away"""

    def __init__(self, conf: cfg.ConfigOpts, *, retries: int = 0):
        made = notification_transport(conf)
        self._transport = _TellingTransport(made._driver)
        self._notifier = oslo_messaging.Notifier(
            self._transport, publisher_id=f"infra-optim:{conf.host}",
            serializer=ContextSerializer(), retry=retries,
        )  # fmt: skip

    def send(
        self, event_type: str, priority: str, payload: Mapping[str, Any], *,
        ctx: Mapping[str, Any] | None = None, identity: Mapping[str, str] | None = None,
        publisher_id: str | None = None,
    ) -> None:  # fmt: skip
        """Send one notification of ``priority`` (debug, info, warning, error, critical).

        ``identity`` gives message_id and timestamp, so that a message that is sent twice
        can be recognised and tells when it happened, not when the broker came back.
        """
        notifier = self._notifier
        if publisher_id:
            notifier = notifier.prepare(publisher_id=publisher_id)
        self._transport.failure = None
        self._transport.identity = identity or {}
        who: Any = context.RequestContext.from_dict(dict(ctx)) if ctx else {}
        # The library's method for WARNING is called warn, and so is the routing key.
        method = {"warning": "warn"}.get(priority.lower(), priority.lower())
        getattr(notifier, method)(who, event_type, dict(payload))
        if self._transport.failure is not None:
            failure = self._transport.failure
            raise NotSent(reason=f"{type(failure).__name__}: {failure}") from failure

    def close(self) -> None:
        """Close the connections"""
        self._transport.cleanup()


def drivers(conf: cfg.ConfigOpts) -> list[str]:
    """Return the notification drivers in use; none means that nobody is told"""
    register(conf)
    names = cast(list[str], conf.oslo_messaging_notifications.driver)
    return [name for name in names if name and name != "noop"]
