import datetime

import pytest
import sqlalchemy as sa

from watcher import exception
from watcher.db import action_descriptions, models, services
from watcher.db.query import ListQuery

NAME = "watcher-applier"


def test_the_first_beat_makes_the_row_and_later_ones_move_it(world, heard):
    heard.clear()
    first = world.db.write(services.beat, NAME, "h1", runtime="ours")
    second = world.db.write(services.beat, NAME, "h1", runtime="ours")
    assert first.id == second.id
    assert second.last_seen_up >= first.last_seen_up
    stored = world.db.read(services.get, first.id)
    assert stored.runtime == "ours" and stored.updated_at is not None
    assert [change.verb for change in heard] == ["create"]


def test_a_clean_stop_shows_at_once_and_a_beat_brings_it_back(world, heard):
    world.db.write(services.beat, NAME, "h1", runtime="ours")
    stopped = world.db.write(services.beat, NAME, "h1", runtime="ours", stopped=True)
    age = models.utcnow() - stopped.last_seen_up
    assert age > datetime.timedelta(hours=23)
    assert heard[-1].reason == "stopped"
    back = world.db.write(services.beat, NAME, "h1", runtime="ours")
    assert models.utcnow() - back.last_seen_up < datetime.timedelta(minutes=1)


def test_living_daemons_of_the_reference_are_seen_until_they_are_silent(world):
    world.db.write(services.beat, NAME, "ours", runtime="ours")
    for host, seen in (("theirs", 5), ("silent", 500)):
        world.sql(
            sa.insert(models.Service).values(
                name=NAME,
                host=host,
                created_at=models.utcnow() - datetime.timedelta(days=9),
                last_seen_up=models.utcnow() - datetime.timedelta(seconds=seen),
            )
        )
    assert [one.host for one in world.db.read(services.foreign, 90)] == ["theirs"]
    world.db.write(services.beat, NAME, "theirs", runtime="ours")
    assert world.db.read(services.foreign, 90) == []


def test_a_name_that_several_hosts_share_finds_the_last_seen_one(world):
    world.db.write(services.beat, NAME, "h1", runtime="ours", stopped=True)
    newest = world.db.write(services.beat, NAME, "h2", runtime="ours")
    assert world.db.read(services.get, NAME).id == newest.id
    assert world.db.read(services.get, str(newest.id)).id == newest.id
    with pytest.raises(exception.ServiceNotFound):
        world.db.read(services.get, "watcher-nothing")


def test_services_are_paged_by_id_and_a_retired_host_can_be_hidden(world):
    rows = [
        world.db.write(services.beat, NAME, f"h{n}", runtime="ours") for n in range(3)
    ]
    page = world.db.read(services.list, ListQuery(limit=2, marker=rows[0].id))
    assert [one.host for one in page] == ["h1", "h2"]
    world.db.write(services.soft_delete, rows[0].id)
    assert len(world.db.read(services.list, ListQuery())) == 2
    again = world.db.write(services.beat, NAME, "h0", runtime="ours")
    assert again.id != rows[0].id


def test_descriptions_are_added_changed_cut_and_brought_back(world):
    world.db.write(action_descriptions.sync, {"migrate": "a", "nop": "n" * 300})
    world.sql(
        sa.update(models.ActionDescription)
        .where(models.ActionDescription.action_type == "migrate")
        .values(deleted=1, deleted_at=models.utcnow())
    )
    world.db.write(action_descriptions.sync, {"migrate": "b"})
    found = world.db.read(action_descriptions.all)
    assert found["migrate"] == "b" and len(found["nop"]) == 255


def test_the_age_of_the_newest_model_is_that_of_a_living_engine(world):
    engine = "watcher-decision-engine"

    def beat(host, age_s, **more):
        world.db.write(
            services.beat, engine, host, runtime="ours", model_age_s=age_s, **more
        )

    def age():
        return world.db.read(services.model_age, 90)

    assert age() is None
    beat("h1", None)
    world.db.write(services.beat, NAME, "h1", runtime="ours")
    assert age() is None
    beat("h1", 40.0)
    assert age() == pytest.approx(40, abs=5)
    beat("h2", 7.0)
    assert age() == pytest.approx(7, abs=5)
    # h2 stops: what it knew does not count any more.
    beat("h2", 7.0, stopped=True)
    assert age() == pytest.approx(40, abs=5)
    # h1 starts again and has no model yet.
    beat("h1", None)
    assert age() is None
