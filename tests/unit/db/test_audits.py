import pytest
import sqlalchemy as sa

from watcher import exception
from watcher.db import audits, history, models
from watcher.domain import states


def test_a_step_is_told_with_the_row_replaced_and_the_new_one(world, heard):
    audit = world.audit()
    heard.clear()
    new = world.db.write(
        audits.step, audit.uuid, "PENDING", "CANCELLED", message="by hand"
    )
    (change,) = heard
    assert (change.kind, change.verb) == ("audit", "update")
    assert change.old == audit and change.new == new
    assert new.status_message == "by hand" and new.updated_at is not None
    entries = world.db.read(history.of, "audit", audit.uuid)
    assert [(e.old, e.new, e.actor, e.reason) for e in entries] == [
        (None, "PENDING", "tester", None),
        ("PENDING", "CANCELLED", "tester", "by hand"),
    ]


def test_a_late_writer_loses_politely(world, heard):
    audit = world.audit()
    world.db.write(audits.step, audit.uuid, "PENDING", "CANCELLED")
    heard.clear()
    with pytest.raises(exception.StateChanged) as caught:
        world.db.write(audits.step, audit.uuid, "PENDING", "ONGOING")
    assert caught.value.status == 409
    assert heard == []
    assert world.db.read(audits.get, audit.uuid).state == "CANCELLED"


def test_a_user_who_cancels_is_not_overwritten_by_the_engine(world):
    audit, claim = world.audit(), world.lease()
    world.db.write(audits.claim, audit.uuid, claim, "h1")
    cancelled = world.db.write(audits.step, audit.uuid, "ONGOING", "CANCELLED")
    assert (cancelled.owner, cancelled.owner_epoch) == (None, None)
    with pytest.raises(exception.StateChanged):
        world.db.write(audits.step, audit.uuid, "ONGOING", "SUCCEEDED", claim=claim)


@pytest.mark.parametrize(
    "old, new", [("SUCCEEDED", "PENDING"), ("PENDING", "PENDING"), ("ONGOING", "x")]
)
def test_a_step_that_the_table_does_not_have_is_refused(world, old, new):
    audit = world.audit(state=old)
    with pytest.raises(exception.TransitionRefused):
        world.db.write(audits.step, audit.uuid, old, new)


def test_a_message_of_ours_is_cut_with_a_mark_and_none_clears_it(world):
    audit = world.audit()
    new = world.db.write(
        audits.step, audit.uuid, "PENDING", "FAILED", message="x" * 300
    )
    assert len(new.status_message) == 255 and new.status_message.endswith("...")
    again = world.db.write(
        audits.step, audit.uuid, "FAILED", "ONGOING", hostname="h9", message=None
    )
    assert (again.status_message, again.hostname) == (None, "h9")


def test_claim_starts_once_and_only_pending_work(world):
    one, two = world.lease("one"), world.lease("two")
    audit = world.audit()
    got = world.db.write(audits.claim, audit.uuid, one, "h1")
    assert (got.state, got.owner, got.owner_epoch, got.hostname) == (
        "ONGOING",
        "one",
        one.epoch,
        "h1",
    )
    for claim in (one, two):
        assert world.db.write(audits.claim, audit.uuid, claim, "h") is None
    for state in ("SUCCEEDED", "FAILED", "CANCELLED", "SUSPENDED"):
        other = world.audit(state=state)
        assert world.db.write(audits.claim, other.uuid, one, "h") is None
    assert world.db.write(audits.claim, "no-such-uuid", one, "h") is None


def test_a_claim_under_a_dead_lease_gets_nothing(world):
    claim, audit = world.lease(), world.audit()
    world.expire(claim)
    assert world.db.write(audits.claim, audit.uuid, claim, "h") is None
    assert world.db.read(audits.get, audit.uuid).state == "PENDING"


def test_work_of_a_dead_engine_is_adopted_and_the_old_claim_cannot_write(world):
    dead, mine = world.lease("dead"), world.lease("mine")
    audit = world.audit()
    world.db.write(audits.claim, audit.uuid, dead, "h1")
    assert audit.uuid not in world.db.read(audits.claimable)
    assert world.db.write(audits.claim, audit.uuid, mine, "h2") is None
    world.expire(dead)
    assert world.db.read(audits.claimable) == [audit.uuid]
    taken = world.db.write(audits.claim, audit.uuid, mine, "h2")
    assert (taken.state, taken.owner, taken.hostname) == ("ONGOING", "mine", "h2")
    with pytest.raises(exception.LeaseLost) as caught:
        world.db.write(audits.step, audit.uuid, "ONGOING", "SUCCEEDED", claim=dead)
    assert "dead lost its lease" in str(caught.value)
    done = world.db.write(audits.step, audit.uuid, "ONGOING", "SUCCEEDED", claim=mine)
    assert done.owner is None
    last = world.db.read(history.of, "audit", audit.uuid)[-2]
    assert (last.old, last.new) == ("ONGOING", "ONGOING")
    assert last.reason == "taken over by mine from dead"


def test_what_the_reference_left_ongoing_is_found(world):
    left = world.audit(state="ONGOING", hostname="old-engine")
    world.audit(state="ONGOING", audit_type="CONTINUOUS")
    world.audit(audit_type="EVENT")
    assert world.db.read(audits.claimable) == [left.uuid]
    assert world.db.write(audits.claim, left.uuid, world.lease(), "h") is not None


@pytest.mark.parametrize("state", ["PENDING", "SUCCEEDED", "FAILED"])
def test_a_trigger_is_answered_by_one_run(world, heard, state):
    claim = world.lease()
    audit = world.audit(audit_type="EVENT", state=state)
    heard.clear()
    for _ in range(3):
        triggered = world.db.write(audits.trigger, audit.uuid)
    assert triggered.triggered_at is not None
    assert triggered.updated_at == audit.updated_at
    # Nobody is told of more than there is to see, and history has it once.
    assert heard == []
    last = world.db.read(history.of, "audit", audit.uuid)[1:]
    assert [(e.old, e.new, e.reason) for e in last] == [(state, state, "triggered")]
    assert world.db.read(audits.claimable) == [audit.uuid]
    run = world.db.write(audits.claim, audit.uuid, claim, "h")
    assert (run.state, run.triggered_at) == ("ONGOING", None)
    world.db.write(audits.step, audit.uuid, "ONGOING", "SUCCEEDED", claim=claim)
    assert world.db.read(audits.claimable) == []
    # Doubled messages come late.
    for told in (True, False):
        got = world.db.write(audits.claim, audit.uuid, claim, "h", told=told)
        assert got is None


def test_a_trigger_during_a_run_is_answered_after_it(world):
    claim = world.lease()
    audit = world.audit(audit_type="EVENT")
    world.db.write(audits.trigger, audit.uuid)
    world.db.write(audits.claim, audit.uuid, claim, "h")
    for _ in range(2):
        world.db.write(audits.trigger, audit.uuid)
    assert world.db.read(audits.claimable) == []
    world.db.write(audits.step, audit.uuid, "ONGOING", "FAILED", claim=claim)
    assert world.db.read(audits.claimable) == [audit.uuid]
    again = world.db.write(audits.claim, audit.uuid, claim, "h")
    assert (again.state, again.triggered_at) == ("ONGOING", None)


def test_a_trigger_outlives_its_engine(world):
    dead = world.lease()
    audit = world.audit(audit_type="EVENT")
    world.db.write(audits.trigger, audit.uuid)
    world.db.write(audits.claim, audit.uuid, dead, "h")
    world.db.write(audits.trigger, audit.uuid)
    world.expire(dead)
    assert world.db.read(audits.claimable) == [audit.uuid]
    # It starts over, after the second trigger: one run answers both.
    run = world.db.write(audits.claim, audit.uuid, world.lease(), "h")
    assert (run.state, run.triggered_at) == ("ONGOING", None)


def test_a_message_alone_starts_only_what_never_ran(world):
    claim = world.lease()
    fresh = world.audit(audit_type="EVENT")
    assert world.db.read(audits.claimable) == []
    assert world.db.write(audits.claim, fresh.uuid, claim, "h") is None
    assert world.db.write(audits.claim, fresh.uuid, claim, "h", told=True) is not None
    oneshot = world.audit(state="FAILED")
    assert world.db.write(audits.claim, oneshot.uuid, claim, "h", told=True) is None


@pytest.mark.parametrize("state", ["CANCELLED", "SUSPENDED"])
def test_a_trigger_of_what_cannot_run_is_refused_and_names_why(world, state):
    audit = world.audit(audit_type="EVENT", state=state)
    with pytest.raises(exception.TriggerRefused, match=state):
        world.db.write(audits.trigger, audit.uuid)
    other = world.audit(audit_type="CONTINUOUS", interval="60")
    with pytest.raises(exception.TriggerRefused, match="CONTINUOUS"):
        world.db.write(audits.trigger, other.uuid)
    world.db.write(audits.soft_delete, audit.uuid)
    with pytest.raises(exception.AuditNotFound):
        world.db.write(audits.trigger, audit.uuid)


def test_cancelling_forgets_the_trigger(world):
    audit = world.audit(audit_type="EVENT")
    world.db.write(audits.trigger, audit.uuid)
    gone = world.db.write(audits.step, audit.uuid, "PENDING", "CANCELLED")
    assert gone.triggered_at is None and world.db.read(audits.claimable) == []


def test_who_waits_keeps_the_trigger_and_says_for_what_once(world, heard):
    audit = world.audit(audit_type="EVENT")
    heard.clear()
    for _ in range(3):
        world.db.write(audits.postpone, audit.uuid, "plan x is in the way", 10.0)
    found = world.db.read(audits.get, audit.uuid)
    assert (found.state, found.status_message) == ("PENDING", "plan x is in the way")
    assert found.triggered_at is not None and len(heard) == 1
    world.db.write(audits.postpone, audit.uuid, "plan y is in the way", 10.0)
    assert world.db.read(audits.get, audit.uuid).triggered_at == found.triggered_at


def test_nobody_waits_who_does_not_want_to_run(world):
    ended = world.audit(audit_type="EVENT", state="SUCCEEDED")
    running = world.audit(audit_type="EVENT", state="ONGOING")
    deleted = world.audit(audit_type="EVENT", state="CANCELLED")
    world.db.write(audits.soft_delete, deleted.uuid)
    for audit in (ended, running, deleted):
        world.db.write(audits.postpone, audit.uuid, "plan x is in the way", 10.0)
        found = world.db.read(audits.get, audit.uuid, show_deleted=True)
        assert (found.triggered_at, found.status_message) == (None, None)


def test_nothing_is_remembered_for_engines_that_go_by_the_message(world):
    audit = world.audit(audit_type="EVENT")
    seen = world.db.write(audits.trigger, audit.uuid, remember=False)
    assert seen.triggered_at is None and world.db.read(audits.claimable) == []


def test_release_gives_back_what_is_still_ours(world):
    claim, other = world.lease(), world.lease()
    mine = [world.audit() for _ in range(3)]
    theirs = world.audit()
    for audit in mine:
        world.db.write(audits.claim, audit.uuid, claim, "h")
    world.db.write(audits.claim, theirs.uuid, other, "h")
    assert world.db.write(audits.release, claim) == 3
    assert world.db.read(audits.claimable) == [audit.uuid for audit in mine]
    assert world.db.read(audits.get, theirs.uuid).owner == other.owner


def test_update_cannot_touch_state_owner_or_uuid_and_not_a_deleted_row(world):
    audit = world.audit(state="SUCCEEDED")
    for values in ({"state": "PENDING"}, {"owner": "x"}, {"deleted_at": None}):
        with pytest.raises(exception.IllegalArgumentException):
            world.db.write(audits.update, audit.uuid, **values)
    with pytest.raises(exception.Invalid, match="Cannot overwrite UUID"):
        world.db.write(audits.update, audit.uuid, uuid="other")
    with pytest.raises(exception.IllegalArgumentException, match="no column colour"):
        world.db.write(audits.update, audit.uuid, colour="red")
    assert world.db.write(audits.update, audit.uuid, interval="60").interval == "60"
    world.db.write(audits.soft_delete, audit.uuid)
    with pytest.raises(exception.AuditNotFound):
        world.db.write(audits.update, audit.uuid, interval="61")
    with pytest.raises(exception.AuditNotFound):
        world.db.write(audits.soft_delete, audit.uuid)


def test_update_under_a_claim_needs_the_claim(world):
    audit, claim, other = world.audit(), world.lease(), world.lease()
    world.db.write(audits.claim, audit.uuid, claim, "h")
    moment = models.utcnow()
    world.db.write(audits.update, audit.uuid, claim=claim, next_run_time=moment)
    with pytest.raises(exception.LeaseLost):
        world.db.write(audits.update, audit.uuid, claim=other, next_run_time=None)
    assert world.db.read(audits.get, audit.uuid).next_run_time == moment


@pytest.mark.parametrize("state", ["PENDING", "ONGOING"])
def test_an_audit_that_may_still_run_is_not_deleted(world, state):
    audit = world.audit(state=state)
    with pytest.raises(exception.DeleteError, match=state):
        world.db.write(audits.soft_delete, audit.uuid)


def test_a_deletion_is_told_and_remembered(world, heard):
    audit = world.audit(state=states.SUSPENDED)
    heard.clear()
    world.db.write(audits.soft_delete, audit.uuid)
    (change,) = heard
    assert (change.verb, change.old.state, change.new.state) == (
        "delete",
        "SUSPENDED",
        "DELETED",
    )
    deleted = world.db.read(
        lambda tx: tx.scalar(sa.select(models.Audit.deleted).where(models.Audit.id > 0))
    )
    assert deleted == audit.id


def test_ids_uuids_and_names_find_an_audit(world):
    audit = world.audit(name="Nightly")
    for ident in (audit.id, audit.uuid, audit.uuid.upper(), "Nightly", "nightly "):
        assert world.db.read(audits.get, ident) == audit
    with pytest.raises(exception.AuditNotFound):
        world.db.read(audits.get, str(audit.id))


def test_numbers_and_uuids_are_names_when_an_audit_has_them(world):
    world.audit(name="other")
    for name in ("1", "07", "a" * 32, "11111111-1111-4111-8111-111111111111"):
        audit = world.audit(name=name)
        assert world.db.read(audits.get, name) == audit


def test_names_that_differ_in_spelling_only_are_the_same(world):
    audit = world.audit(name="Nächtlich")
    for name in ("nächtlich", "NÄCHTLICH", "Nächtlich  "):
        with pytest.raises(exception.AuditAlreadyExists):
            world.audit(name=name)
        assert world.db.read(audits.get, name) == audit
    # Its own name it may spell as it likes.
    world.db.write(audits.update, audit.uuid, name="NÄCHTLICH")
    other = world.audit(name="b")
    with pytest.raises(exception.AuditAlreadyExists):
        world.db.write(audits.update, other.uuid, name="nächtlich")


def test_a_live_audit_is_preferred_to_a_deleted_one_of_the_same_name(world):
    gone = world.audit(name="a", state="CANCELLED")
    world.db.write(audits.soft_delete, gone.uuid)
    live = world.audit(name="A")
    assert world.db.read(audits.get, "a", show_deleted=True) == live
