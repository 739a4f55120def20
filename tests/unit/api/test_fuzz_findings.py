"""What fuzzing found, kept as plain examples."""

import sqlalchemy as sa

from watcher.db import models


def test_an_empty_name_is_shown_as_it_is_stored(client):
    body = {"name": "", "goal": "dummy"}
    assert client.post("/v1/audit_templates", body).json["name"] == ""


def test_paging_goes_on_behind_a_row_that_has_no_uuid(client, database):
    for name in ("a", "b"):
        client.post("/v1/audit_templates", {"name": name, "goal": "dummy"})
    table = models.AuditTemplate
    first = sa.update(table).where(table.name == "a").values(uuid=None)
    database.write(lambda tx: tx.execute(first))
    page = client.get("/v1/audit_templates?limit=1").json
    rest = client.get(page["next"].removeprefix("http://localhost"))
    assert [row["name"] for row in rest.json["audit_templates"]] == ["b"]
