"""The rules that the others are made of."""

from collections.abc import Sequence

from oslo_policy import policy

ADMIN = "rule:admin_api"
ADMIN_OR_SERVICE = "rule:admin_or_service_api"
READER = "rule:admin_api or rule:infra_optim_reader"

RULES = [
    policy.RuleDefault(
        name="admin_api",
        check_str="role:admin or role:administrator",
        description="Who may do everything.",
    ),
    policy.RuleDefault(
        name="admin_or_service_api",
        check_str="rule:admin_api or role:service",
        description="Administrators, and other services such as alarm senders.",
    ),
    policy.RuleDefault(
        name="infra_optim_reader",
        check_str="role:infra_optim_reader or (role:reader and system_scope:all)",
        description="Who may look at everything and change nothing: a role of its own, "
        "or a reader of the system. Rows show the whole cloud, so a reader of a project "
        "is none of these.",
    ),
    policy.RuleDefault(
        name="show_password",
        check_str="!",
        description="Show secrets; nobody.",
    ),
]


def rule(
    name: str,
    description: str,
    method: str,
    *paths: str,
    check: str = ADMIN,
) -> policy.DocumentedRuleDefault:
    """Return the rule ``name`` for ``method`` on ``paths``"""
    return policy.DocumentedRuleDefault(
        name=name,
        check_str=check,
        description=description,
        operations=[{"path": path, "method": method} for path in paths],
    )


def execution(noun: str, plural: str, ident: str) -> policy.DocumentedRuleDefault:
    """Return the rule on who may say how plans are carried out"""
    path = f"/v1/{plural}/{{{ident}}}/execution"
    return policy.DocumentedRuleDefault(
        name=f"{noun}:execution",
        check_str=ADMIN,
        description=f"Set or remove the execution rules of one {noun.replace('_', ' ')}.",
        operations=[{"path": path, "method": method} for method in ("PUT", "DELETE")],
    )


def reads(
    noun: str, plural: str, ident: str, *also: str
) -> Sequence[policy.DocumentedRuleDefault]:
    """Return the three rules that every listed noun has

    ``also`` are paths below one row that whoever may see the row may see.
    """
    path = f"/v1/{plural}"
    words = noun.replace("_", " ")
    return [
        rule(f"{noun}:get_all", f"List {words}s.", "GET", path, check=READER),
        rule(
            f"{noun}:detail",
            f"List {words}s with details.",
            "GET",
            f"{path}/detail",
            check=READER,
        ),
        rule(
            f"{noun}:get",
            f"Show one {words}.",
            "GET",
            f"{path}/{{{ident}}}",
            *(f"{path}/{{{ident}}}/{below}" for below in also),
            check=READER,
        ),
    ]
