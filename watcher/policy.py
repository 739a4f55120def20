"""Asks the policy: may this caller do that?"""

from collections.abc import Mapping, Sequence
from typing import Any

from oslo_config import cfg
from oslo_context import context
from oslo_policy import policy

from watcher import conf as configuration
from watcher import exception, policies


class Enforcer:
    """Rules in code, overridden by the operator's policy file"""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._enforcer = policy.Enforcer(conf)
        self._enforcer.register_defaults(policies.list_rules())
        # Read the file now: a broken one is told at start, not at the first request.
        try:
            self._enforcer.load_rules()
        except (ValueError, OSError) as error:
            raise exception.ConfigInvalid(
                group="oslo_policy",
                option="policy_file",
                reason=f"{conf.oslo_policy.policy_file} cannot be read as YAML: "
                + " ".join(str(error).split()),
            ) from error

    def check(
        self,
        ctx: context.RequestContext,
        rule: str,
        target: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise PolicyNotAuthorized unless ``ctx`` may do ``rule`` on ``target``

        Without a target the caller's own project and user are judged.
        """
        if target is None:
            target = {"project_id": ctx.project_id, "user_id": ctx.user_id}
        allowed = self._enforcer.authorize(rule, dict(target), ctx, do_raise=False)
        if not allowed:
            raise exception.PolicyNotAuthorized(action=rule)


def get_enforcer() -> policy.Enforcer:
    """Return the library's enforcer for the oslopolicy command-line tools"""
    conf = configuration.load("watcher-policy")
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(policies.list_rules())
    return enforcer


__all__: Sequence[str] = ("Enforcer", "get_enforcer")
