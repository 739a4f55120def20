"""Calls and casts to the daemons, and the servers that answer them.

Topics, version, method and argument names are those on the wire of existing deployments.
A cast is only a wake-up: the row in the database is the queue, so a cast may get lost, but
it must never hold up or fail the caller. A call has an end in time even when the library
would wait for the broker without one.
"""

import inspect
import threading
from collections.abc import Callable, Sequence
from typing import Any

import watcher._threading  # noqa: F401

# isort: split
import oslo_messaging
from kombu.exceptions import OperationalError
from oslo_config import cfg
from oslo_log import log as logging
from oslo_messaging.rpc import dispatcher
from oslo_utils import uuidutils

from watcher import bus, exception
from watcher.broker import Broker, Line, NoAnswer, in_time
from watcher.context import RequestContext
from watcher.parts import left, summary, wait_for

LOG = logging.getLogger(__name__)

VERSION = "1.0"
# Since when engines judge scopes; nobody waits long for that.
SCOPE_VERSION = "1.1"
SCOPE_WAIT_S = 2.0
CAST_WAIT_S = 2.0
# Seconds for calls that are being served when we stop; the other parts need time, too.
STOP_S = 15.0
LONELY_STOP_S = 2.0
# Seconds that a call may last longer than the library's own limit.
GRACE_S = 2.0


class _Client:
    """What the clients of both daemons share"""

    def __init__(self, rpc: "Rpc", topic: str):
        self._rpc = rpc
        self._client = oslo_messaging.get_rpc_client(
            rpc.transport,
            oslo_messaging.Target(topic=topic, version=VERSION),
            serializer=bus.ContextSerializer(),
        )
        self._casts = Line(f"casts {topic}")
        self._down = False

    def _cast(self, ctx: RequestContext, method: str, **args: str) -> bool:
        for value in args.values():
            if not uuidutils.is_uuid_like(value):
                raise exception.InvalidUuidOrName(name=value)
        try:
            if self._down:
                # Ask first: a refused connection is known at once, the library is slow.
                self._rpc.broker.check()
            client = self._client.prepare(retry=0)
            self._casts.do(lambda: client.cast(ctx, method, **args), CAST_WAIT_S)
            self._down = False
            return True
        except Exception as error:  # errors of three libraries come through here
            reason = summary(error)
        self._down = True
        LOG.warning(
            "%s was not sent, the next scan will find the row: %s",
            method, reason, extra=args,
        )  # fmt: skip
        return False

    def _call(self, ctx: RequestContext, method: str, **args: Any) -> Any:
        self._rpc.broker.check()
        wait_s = self._rpc.conf.rpc_response_timeout + GRACE_S
        client = self._client.prepare(retry=1)
        return _asked(method, lambda: client.call(ctx, method, **args), wait_s)

    def _call_briefly(
        self, ctx: RequestContext, version: str, wait_s: float, method: str, **args: Any
    ) -> Any:
        """Call a method that not every daemon has, and wait no longer than that in all"""
        client = self._client.prepare(version=version, timeout=wait_s, retry=0)

        def call() -> Any:
            self._rpc.broker.check()
            return client.call(ctx, method, **args)

        return _asked(method, call, wait_s)


def _asked(method: str, call: Callable[[], Any], wait_s: float) -> Any:
    """Return what ``call`` does, in time, or raise an error of ours"""
    try:
        return in_time(f"call {method}", call, wait_s)
    except oslo_messaging.MessagingTimeout as error:
        raise NoAnswer(str(error)) from error
    except (oslo_messaging.MessageDeliveryFailure, OperationalError) as error:
        raise exception.NotReady(reason=str(error)) from error
    except oslo_messaging.RemoteError as error:
        raise exception.WatcherException(str(error.value)) from error
    except oslo_messaging.MessagingException as error:
        # In one process the other side's refusal comes as it is.
        raise exception.WatcherException(str(error)) from error
    except exception.WatcherException as error:
        raise _plain(error) from None


def _plain(error: exception.WatcherException) -> exception.WatcherException:
    """Return a remote error as the local one: same class, without the other's traceback"""
    kind = type(error)
    if not kind.__name__.endswith("_Remote"):
        return error
    plain: exception.WatcherException
    plain = kind.__mro__[1](str(error).split("\nTraceback", 1)[0])
    return plain


class DecisionEngineClient(_Client):
    """Asks the decision engines"""

    def trigger_audit(self, ctx: RequestContext, audit_uuid: str) -> bool:
        """Wake an engine for the audit; False when the broker could not be told"""
        return self._cast(ctx, "trigger_audit", audit_uuid=audit_uuid)

    def get_strategy_info(self, ctx: RequestContext, strategy_name: str) -> Any:
        """Return what the strategy needs and whether it is there"""
        return self._call(ctx, "get_strategy_info", strategy_name=strategy_name)

    def get_data_model_info(
        self, ctx: RequestContext, data_model_type: str = "compute",
        audit: str | None = None,
    ) -> Any:  # fmt: skip
        """Return the elements of a data model, cut to the scope of ``audit``"""
        return self._call(
            ctx, "get_data_model_info", data_model_type=data_model_type, audit=audit
        )

    def check_scope(
        self,
        ctx: RequestContext,
        scope: Sequence[Any],
        goal: str,
        strategy: str | None = None,
    ) -> Any:
        """Return what is wrong with a scope that is in its normal form

        :raises WatcherException: no engine that can tell answered within two seconds
        """
        return self._call_briefly(
            ctx, SCOPE_VERSION, SCOPE_WAIT_S, "check_scope",
            scope=list(scope), goal=goal, strategy=strategy,
        )  # fmt: skip


class ApplierClient(_Client):
    """Asks the appliers"""

    def launch_action_plan(self, ctx: RequestContext, action_plan_uuid: str) -> bool:
        """Wake an applier for the plan; False when the broker could not be told"""
        return self._cast(ctx, "launch_action_plan", action_plan_uuid=action_plan_uuid)


class _Endpoint:
    """Shows the bus the public methods of an endpoint, and nothing else of it

    An endpoint that says a VERSION answers callers of earlier ones, too.
    """

    def __init__(self, endpoint: object):
        self.target = oslo_messaging.Target(
            version=getattr(endpoint, "VERSION", VERSION)
        )
        self._methods = {
            name: oslo_messaging.expected_exceptions(exception.WatcherException)(
                getattr(endpoint, name)
            )
            for name, _ in inspect.getmembers(type(endpoint), inspect.isroutine)
            if not name.startswith("_")
        }

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_methods"][name]
        except KeyError:
            raise AttributeError(name) from None


class RpcServer:
    """Answers on one topic; a part of a daemon.

    Starts in the background, since the library waits for the broker without end, and
    stays: after a restart of the broker the library declares its queues again.
    """

    def __init__(self, rpc: "Rpc", topic: str, endpoints: Sequence[object]):
        self.name = f"rpc {topic}"
        self._rpc = rpc
        self._topic = topic
        self._endpoints = [_Endpoint(endpoint) for endpoint in endpoints]
        self._server: Any = None
        self._stop = threading.Event()
        self._started = threading.Event()
        self._reason: str | None = f"{self.name}: not started"
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to connect"""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until messages are taken; False when that took too long"""
        return self._started.wait(timeout_s)

    def ready(self) -> str | None:
        """Return why no message is taken at the moment, or None"""
        return self._reason or self._rpc.broker.ready()

    def stop(self, deadline: float) -> None:
        """Take no more messages and let those being served end until ``deadline``"""
        self._stop.set()
        # With the broker away the library blocks here too; then it is left behind.
        ending = threading.Thread(target=self._end, name=self.name, daemon=True)
        ending.start()
        limit_s = LONELY_STOP_S if self._rpc.broker.ready(0) else STOP_S
        ending.join(min(left(deadline), limit_s))
        if ending.is_alive():
            LOG.info("%s could not say good-bye to the broker", self.name)

    def _run(self) -> None:
        wait_for("the message broker", self._rpc.broker.check, self._stop,
                 told=self._told)  # fmt: skip
        if self._stop.is_set():
            return
        self._reason = f"{self.name}: connecting"
        # It may refuse us for now: while it starts, or until somebody grants a right.
        server = wait_for(self.name, self._serve, self._stop, told=self._told)
        if server is None:
            return
        self._server = server
        if self._stop.is_set():
            server.stop()
            return
        self._reason = None
        self._started.set()
        LOG.info("Messages are taken from %s", self._topic)

    def _told(self, reason: str | None) -> None:
        self._reason = reason

    def _serve(self) -> Any:
        server = self._make()
        server.start()
        return server

    def _make(self) -> Any:
        target = oslo_messaging.Target(
            topic=self._topic, server=self._rpc.conf.host, version=VERSION
        )
        server = oslo_messaging.get_rpc_server(
            self._rpc.transport, target, self._endpoints,
            serializer=bus.ContextSerializer(),
            access_policy=oslo_messaging.DefaultRPCAccessPolicy,
        )  # fmt: skip
        # The library looks for this option on its global object only.
        if self._rpc.conf.rpc_ping_enabled:
            server.dispatcher.endpoints.append(dispatcher.PingEndpoint())
        return server

    def _end(self) -> None:
        self._started.clear()
        server, self._server = self._server, None
        if server is not None:
            server.stop()
            server.wait()
        self._reason = f"{self.name}: stopped"


class Rpc:
    """Everything of ours that talks over the bus, on one transport"""

    def __init__(self, conf: cfg.ConfigOpts):
        self.conf = conf
        self.transport = bus.rpc_transport(conf)
        self.broker = Broker(conf)
        self.decision_engine = DecisionEngineClient(
            self, conf.watcher_decision_engine.conductor_topic
        )
        self.applier = ApplierClient(self, conf.watcher_applier.conductor_topic)

    def server(self, topic: str, endpoints: Sequence[object]) -> RpcServer:
        """Return a server of ``endpoints``, to be started as a part"""
        return RpcServer(self, topic, endpoints)

    def notifier(self) -> bus.Notifier:
        """Return a notifier; use it from one thread"""
        return bus.Notifier(self.conf)

    def close(self) -> None:
        """Close the connections of the transport"""
        self.transport.cleanup()
