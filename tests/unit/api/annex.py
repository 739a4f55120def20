"""Which fields each noun shows in which view at which microversion, as published."""

STAMPS = "created_at updated_at deleted_at"
# noun: fields of lists; more in details and elsewhere; of those some from a version on
NOUNS = {
    "goals": ("uuid name display_name efficacy_specification links", STAMPS, {}),
    "strategies": (
        "uuid name display_name goal_uuid goal_name links",
        "parameters_spec",
        {},
    ),
    "scoring_engines": ("uuid name description links", "metainfo", {}),
    "services": ("id name host status links", f"last_seen_up {STAMPS}", {}),
    "audit_templates": (
        "uuid name goal_uuid goal_name strategy_uuid strategy_name scope links",
        f"description {STAMPS}",
        {7: "default_parameters"},
    ),
    "audits": (
        "uuid name audit_type state goal_uuid goal_name strategy_uuid strategy_name "
        "interval scope auto_trigger next_run_time force links",
        f"parameters hostname {STAMPS}",
        {1: "start_time end_time", 5: "status_message"},
    ),
    "action_plans": (
        "uuid state audit_uuid strategy_uuid strategy_name efficacy_indicators "
        "global_efficacy updated_at links",
        "hostname created_at deleted_at",
        {5: "status_message"},
    ),
    "actions": (
        "uuid action_plan_uuid state action_type parents links",
        f"description input_parameters {STAMPS}",
        {5: "status_message"},
    ),
}
VERSIONS = range(8)


def listed(noun):
    """Return the fields of rows in a plain list"""
    return set(NOUNS[noun][0].split())


def shown(noun, minor):
    """Return the fields of rows in details, of one row, and of rows just changed"""
    more, later = NOUNS[noun][1:]
    found = listed(noun) | set(more.split())
    for since, names in later.items():
        if since <= minor:
            found |= set(names.split())
    return found


def check(client, noun, minor):
    """Ask for a noun in every view and compare the fields; return the row of the list"""
    version = {"version": f"1.{minor}"}
    [row, *_] = client.get(f"/v1/{noun}", **version).json[noun]
    assert set(row) == listed(noun)
    [detail, *_] = client.get(f"/v1/{noun}/detail", **version).json[noun]
    one = client.get(f"/v1/{noun}/{row.get('uuid', row.get('id'))}", **version).json
    assert set(detail) == set(one) == shown(noun, minor)
    # The views agree on what they both show; links are two, self first.
    assert one == detail
    assert {name: one[name] for name in row} == row
    ident = row.get("uuid", row.get("id"))
    assert row["links"] == [
        {"href": f"http://localhost/v1/{noun}/{ident}", "rel": "self"},
        {"href": f"http://localhost/{noun}/{ident}", "rel": "bookmark"},
    ]
    return row
