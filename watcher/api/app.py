"""Builds the WSGI application, layer by layer."""

from collections.abc import Callable
from typing import Any

from oslo_config import cfg
from oslo_log import log
from oslo_middleware import cors, http_proxy_to_wsgi, request_id
from pecan import core

from watcher.api import edge, openapi, ready, root
from watcher.api.call import Judge, Parts, Store
from watcher.api.expose import Resource
from watcher.api.router import Request, Root
from watcher.api.v1 import (
    action_plans,
    actions,
    audit_templates,
    audits,
    data_model,
    goals,
    scoring_engines,
    services,
    strategies,
    webhooks,
)
from watcher.conf import opts

LOG = log.getLogger(__name__)

RESOURCES = (
    goals.Goals,
    strategies.Strategies,
    audit_templates.AuditTemplates,
    audits.Audits,
    action_plans.ActionPlans,
    actions.Actions,
    scoring_engines.ScoringEngines,
    services.Services,
    data_model.DataModel,
    webhooks.Webhooks,
)
# Resources of ours beside the published ones, found at every microversion.
EXTENSIONS = (
    "/v1/action_plans/{action_plan}/efficacy",
    "/v1/action_plans/{action_plan}/execution",
    "/v1/action_plans/{action_plan}/explanation",
    "/v1/action_plans/{action_plan}/history",
    "/v1/action_plans/{action_plan}/pause",
    "/v1/action_plans/{action_plan}/progress",
    "/v1/action_plans/{action_plan}/resume",
    "/v1/action_plans/{action_plan}/rollback",
    "/v1/audit_templates/{audit_template}/execution",
    "/v1/audits/{audit}/execution",
    "/v1/audits/{audit}/explanation",
    openapi.PATH,
)

Layer = Callable[[edge.App], edge.App]


def build(
    conf: cfg.ConfigOpts,
    db: Store,
    rpc: Any,
    enforcer: Judge,
    plugins: Any = None,
    *,
    identity: Layer | None = None,
) -> edge.App:
    """Return the WSGI application

    ``identity`` is the layer that finds out who is asking; by default it demands Keystone
    tokens, or believes the identity headers when ``enable_authentication`` is off.
    """
    parts = Parts(conf=conf, db=db, rpc=rpc, enforcer=enforcer, plugins=plugins)
    app = _application(parts)
    app = edge.Paths(app)
    # Errors of everything inside get the published shape ...
    app = edge.Faults(app)
    if identity is not None:
        app = identity(app)
    elif conf.enable_authentication:
        app = edge.Identity(app, conf)
    elif conf.api.no_auth_roles:
        LOG.warning(
            "Anybody who reaches the API has the roles %s: see [api] no_auth_roles",
            ", ".join(conf.api.no_auth_roles),
        )
        app = edge.Anybody(app, conf.api.no_auth_roles)
    # Whether it works, and what browsers ask first, anybody may know.
    app = ready.Doors(app, ready.Readiness(conf, db, rpc))
    # ... and those of the token check too, should it not answer by itself.
    app = edge.Faults(app)
    app = edge.Preflight(app)
    # Clients tell version trouble by these headers, so refusals carry them as well.
    app = edge.Versions(app)
    app = _cors(app, conf)
    # Scheme, host and prefix of links, as the proxy in front tells them.
    app = http_proxy_to_wsgi.HTTPProxyToWSGI(app, conf)
    app = edge.Faults(app)
    # Outermost: whatever goes wrong can be found in the log by this id.
    return request_id.RequestId(app, conf)


def _application(parts: Parts) -> edge.App:
    resources: dict[str, Resource] = {kind.name: kind(parts) for kind in RESOURCES}
    service = root.Service(parts)
    version = root.Version(parts, tuple(resources), EXTENSIONS)
    served = {"/": service, "/v1": version}
    served |= {f"/v1/{name}": resource for name, resource in resources.items()}
    description = openapi.Description(parts, served)
    resources[description.name] = description
    return core.Pecan(
        Root(parts, service, version, resources),
        use_context_locals=False,
        force_canonical=False,
        guess_content_type_from_ext=False,
        request_cls=Request,
    )


def _cors(app: edge.App, conf: cfg.ConfigOpts) -> edge.App:
    conf.register_opts(cors.OPTS, "cors")
    for name, value in opts.CORS.items():
        conf.set_default(name, value, "cors")
    return cors.CORS(app, conf)
