"""What fuzzing found, kept as plain examples."""


def test_an_empty_name_is_shown_as_it_is_stored(client):
    body = {"name": "", "goal": "dummy"}
    made = client.post("/v1/audit_templates", body)
    assert made.status in (201, 400)
    if made.status == 201:
        assert made.json["name"] == ""
