"""Rules on new and changed audits; nothing here reads or writes."""

import datetime
from collections.abc import Mapping
from typing import Any

from watcher import exception
from watcher._i18n import _
from watcher.api import errors, params
from watcher.domain import states
from watcher.domain.records import Audit, AuditTemplate, Goal, Strategy

NAME_LENGTH = 63


def check_new(values: Mapping[str, Any]) -> None:
    """Check what fields of a new audit may stand together, in the published order

    :raises Invalid: they may not
    """
    kind = values["audit_type"]
    if kind not in states.AUDIT_TYPES:
        raise exception.AuditTypeNotFound(audit_type=kind)
    template, goal = values["audit_template_uuid"], values["goal"]
    if not template and not goal:
        raise exception.Invalid(
            _("A valid goal or audit_template_uuid must be provided")
        )
    if template and goal:
        raise exception.Invalid(
            _("Either audit_template_uuid or goal should be provided, not both")
        )
    if kind == states.ONESHOT and values["interval"] is not None:
        raise exception.AuditIntervalNotAllowed(audit_type=kind)
    if kind == states.CONTINUOUS and values["interval"] is None:
        raise exception.AuditIntervalNotSpecified(audit_type=kind)
    if kind == states.EVENT and values["interval"] is not None:
        raise exception.AuditIntervalNotAllowed(audit_type=kind)
    if kind == states.ONESHOT and has_times(values):
        raise exception.AuditStartEndTimeNotAllowed(audit_type=kind)


def has_times(values: Mapping[str, Any]) -> bool:
    """Tell whether a start or end time is given"""
    return values["start_time"] is not None or values["end_time"] is not None


def check_window(
    start: datetime.datetime | None, end: datetime.datetime | None
) -> None:
    """Check that an audit starts before it ends

    :raises InvalidInput: it does not
    """
    if start is not None and end is not None and end <= start:
        raise errors.InvalidInput("end_time", end, _("It is not after start_time"))


def parameters(
    template: AuditTemplate | None,
    given: Mapping[str, Any],
    strategy: Strategy | None,
) -> dict[str, Any]:
    """Return the parameters of an audit: given, else the template's, else defaults

    :raises Invalid: the strategy does not take them
    """
    merged = {**(template.default_parameters if template else {}), **given}
    spec = strategy.parameters_spec if strategy else None
    if spec:
        return params.filled(merged, spec)
    if merged:
        raise exception.Invalid(
            _(
                "Parameters need a strategy that declares some: there is no predefined "
                "strategy for the audit, or it has no parameter spec"
            )
        )
    return {}


def name(
    template: AuditTemplate | None,
    goal: Goal,
    strategy: Strategy | None,
    now: datetime.datetime,
) -> str:
    """Return the generated name; what is too long is cut in front of the time"""
    if strategy is not None:
        prefix = strategy.name
    else:
        prefix = template.name if template is not None else goal.name
    moment = now.isoformat()
    return f"{prefix[: NAME_LENGTH - len(moment) - 1]}-{moment}"


def check_step(old: Audit, new: Any) -> str:
    """Return the state that a client asks for

    :raises TransitionRefused: the audit cannot go there from where it is
    """
    if not isinstance(new, str) or not states.allows(states.AUDIT_API, old.state, new):
        shown = str(new)
        raise exception.TransitionRefused(old=old.state, new=shown[:40])
    return new


def check_result(old: Audit, found: Mapping[str, Any]) -> None:
    """Check the fields that a patch changes together with those that it leaves alone

    :raises Invalid: they do not fit
    """
    if old.audit_type == states.CONTINUOUS and found.get("interval", "") is None:
        raise exception.AuditIntervalNotSpecified(audit_type=old.audit_type)
    if "start_time" in found or "end_time" in found:
        # Of ONESHOT audits too, where they mean as little as an interval does: the
        # published tests of the command line change them there.
        check_window(
            found.get("start_time", old.start_time), found.get("end_time", old.end_time)
        )
    if found.get("name") == "":
        raise errors.InvalidInput("name", "", _("It must not be empty"))
    if found.get("next_run_time") is not None:
        raise errors.InvalidInput(
            "next_run_time", found["next_run_time"], _("It can only be removed")
        )


def plans_anew(old: Audit, found: Mapping[str, Any], now: datetime.datetime) -> bool:
    """Tell whether the changed fields ``found`` move the runs of a CONTINUOUS audit

    A start that has passed, before and after, moves none.
    """
    if "interval" in found or "next_run_time" in found:
        return True
    starts = (old.start_time, found.get("start_time", old.start_time))
    return "start_time" in found and any(start and start > now for start in starts)
