"""The revisions in the tree form the published chain, with ours at its end."""

import pathlib

import pytest

from watcher.db import migration
from watcher.db.alembic import repairs

PUBLISHED = [
    "001",
    "0f6042416884",
    "d098df6021e2",
    "d09a5945e4a0",
    "3cfc94cecf4e",
    "a86240e89a29",
    "52804f2498c4",
    "4b16194c56bc",
    "609bec748f2a",
    "15f7375ca737",
    "7150a7d8f228",
    "f56ba02662b4",
]


def test_chain_is_linear_and_begins_as_published():
    chain = list(reversed(migration._known()))
    assert chain[: len(PUBLISHED)] == PUBLISHED
    assert chain[-1] == migration.head()
    assert len(chain) > len(PUBLISHED)
    assert PUBLISHED[-1] == migration.REFERENCE_HEAD


def test_every_revision_can_go_back():
    for path in (pathlib.Path(migration.FOLDER) / "versions").glob("[0-9a-f]*_*.py"):
        assert "def downgrade()" in path.read_text(), path


@pytest.mark.parametrize("origin", [None, "dummy", "x" * 63])
@pytest.mark.parametrize("at", [None, "2017-03-02T08:15:30.123456"])
def test_generated_names_fit_and_keep_their_time(origin, at):
    import datetime

    moment = at and datetime.datetime.fromisoformat(at)
    name = repairs.generated_name(origin, moment, 7)
    assert len(name) <= 63
    assert name.endswith(at or "-7")
    assert name.startswith((origin or "audit")[:30])
