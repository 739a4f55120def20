"""Asks the policy: may this caller do that?"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from oslo_config import cfg
from oslo_context import context
from oslo_log import log
from oslo_policy import opts, policy

from watcher import conf as configuration
from watcher import exception, policies

LOG = log.getLogger(__name__)
_OF_FILES = ("--config-file", "--config-dir")


class Enforcer:
    """Rules in code, overridden by the operator's policy file"""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._enforcer = policy.Enforcer(conf)
        self._enforcer.register_defaults(policies.list_rules())
        # Read the file now: a broken one is told at start, not at the first request.
        try:
            self._enforcer.load_rules()
        except (ValueError, OSError, TypeError, AttributeError) as error:
            # The latter two: YAML, but no rules.
            raise exception.ConfigInvalid(
                group="oslo_policy",
                option="policy_file",
                reason=f"{conf.oslo_policy.policy_file} cannot be read as YAML that maps "
                "names of rules to rules: " + " ".join(str(error).split()),
            ) from error
        self._look_at_names()

    def _look_at_names(self) -> None:
        """Warn of rules that nothing asks, go round in a circle or need what is not there"""
        self._enforcer.check_rules()
        known = self._enforcer.registered_rules
        # Names without a colon are what other rules are made of.
        for name in sorted(self._enforcer.file_rules):
            if ":" in name and name not in known:
                LOG.warning("The policy file has a rule %s that there is not", name)

    def check(
        self,
        ctx: context.RequestContext,
        rule: str,
        target: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise PolicyNotAuthorized unless ``ctx`` may do ``rule`` on ``target``

        Without a target the caller's own project and user are judged.
        """
        if not self._allows(ctx, rule, _caller(ctx) if target is None else target):
            raise exception.PolicyNotAuthorized(action=rule)

    def foresee(self, ctx: context.RequestContext, rule: str) -> bool:
        """Judge before the row is looked up: True is yes, False is for the row to decide

        :raises PolicyNotAuthorized: no row could make a difference
        """
        target = _Unseen(_caller(ctx))
        if self._allows(ctx, rule, target):
            return True
        if not target.asked:
            raise exception.PolicyNotAuthorized(action=rule)
        return False

    def _allows(
        self, ctx: context.RequestContext, rule: str, target: Mapping[str, Any]
    ) -> bool:
        try:
            return bool(self._enforcer.authorize(rule, target, ctx, do_raise=False))
        except KeyError:
            # The address of a policy server may be made of the target, too.
            return False
        except Exception as error:
            # The operator's file was broken meanwhile in one of many ways, each with an
            # error of its own, or a policy server is silent.
            LOG.error("The policy cannot be asked: %s", error)
            raise exception.NotReady(reason="the policy cannot be asked") from error


class _Unseen(dict[str, Any]):
    """A target of which only the caller is known; remembers that more was asked for"""

    asked = False

    def __missing__(self, key: str) -> Any:
        self.asked = True
        raise KeyError(key)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        # A policy server is sent the whole target.
        self.asked = True
        return dict(self)


def _caller(ctx: context.RequestContext) -> dict[str, Any]:
    return {"project_id": ctx.project_id, "user_id": ctx.user_id}


def get_enforcer() -> policy.Enforcer:
    """Return the library's enforcer for the oslopolicy command-line tools

    They parse their own arguments, and leave those about our files to us.
    """
    conf = configuration.load("watcher-policy", _about_files(sys.argv[1:]))
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(policies.list_rules())
    # The validator opens the file that the library's own global object names.
    opts.set_defaults(cfg.CONF, _path(conf))
    return enforcer


def _path(conf: cfg.ConfigOpts) -> str:
    name: str = conf.oslo_policy.policy_file
    return conf.find_file(name) or name


def _about_files(argv: Sequence[str]) -> list[str]:
    found: list[str] = []
    for position, word in enumerate(argv):
        if word in _OF_FILES:
            found += argv[position : position + 2]
        elif word.partition("=")[0] in _OF_FILES:
            found.append(word)
    return found


__all__: Sequence[str] = ("Enforcer", "get_enforcer")
