"""A small database with a goal, a strategy and whatever a test adds to it."""

import contextlib
import uuid

import sqlalchemy as sa

import watcher.conf
from watcher.db import (
    action_plans,
    audits,
    goals,
    leases,
    models,
    session,
    strategies,
)
from watcher.domain.records import Claim, EfficacyIndicator, NewAction, NewPlan


def new_uuid() -> str:
    """A random UUID as text"""
    return str(uuid.uuid4())


def configuration(url, **options):
    """Configuration with this database, retries quick enough for a test"""
    quick = {"db_retry_interval": 0, "db_inc_retry_interval": False, **options}
    return watcher.conf.load(
        "test",
        default_config_files=[],
        default_config_dirs=[],
        overrides={
            ("database", "connection"): url,
            **{("database", name): value for name, value in quick.items()},
        },
    )


def plan_of(audit, actions=2, state="RECOMMENDED", **more):
    """A plan of ``actions`` that follow one another"""
    idents = [new_uuid() for _ in range(actions)]
    return NewPlan(
        uuid=new_uuid(),
        audit_uuid=audit.uuid,
        strategy_name="dummy",
        state=state,
        actions=[
            NewAction(
                uuid=ident,
                action_type="migrate",
                input_parameters={"resource_id": ident, "migration_type": "live"},
                parents=idents[max(0, place - 1) : place],
            )
            for place, ident in enumerate(idents)
        ],
        efficacy_indicators=[
            EfficacyIndicator(name="gain", description="Gain", unit="%", value=12.5)
        ],
        global_efficacy=[{"name": "gain", "unit": "%", "value": 12.5}],
        **more,
    )


class World:
    """A database with everything a test needs to talk about audits and plans"""

    def __init__(self, url, *, observer=None, create=True, **options) -> None:
        self.url = url
        self.conf = configuration(url, **options)
        self.db = session.Database(self.conf, actor="tester", observer=observer)
        if create:
            models.Base.metadata.create_all(self.db.engine)
            self.goal = self.db.write(goals.create, name="dummy", display_name="Dummy")
            self.strategy = self.db.write(
                strategies.create,
                name="dummy",
                display_name="Dummy strategy",
                goal_id=self.goal.id,
            )

    def audit(self, **values):
        """A new audit, ONESHOT unless told otherwise"""
        return self.db.write(
            audits.create,
            **{
                "name": f"audit-{new_uuid()[:8]}",
                "audit_type": "ONESHOT",
                "goal_id": self.goal.id,
                "strategy_id": self.strategy.id,
                **values,
            },
        )

    def plan(self, audit=None, actions=2, state="RECOMMENDED", **more):
        """A new plan with actions"""
        wanted = plan_of(audit or self.audit(), actions, state, **more)
        return self.db.write(action_plans.save, wanted)

    def lease(self, owner=None, ttl_s=20.0):
        """A claim with a fresh lease of ``ttl_s`` seconds"""
        owner = owner or f"engine-{new_uuid()[:8]}"
        epoch = self.db.write(
            leases.acquire, owner, service="engine", host="h1", ttl_s=ttl_s
        )
        return Claim(owner, epoch)

    def expire(self, claim) -> None:
        """Let a lease run out at once, its row staying where it is"""
        self.sql(
            sa.update(models.Lease)
            .where(models.Lease.epoch == claim.epoch)
            .values(expires_at=models.utcnow().replace(year=2000))
        )

    def sql(self, statement):
        """Execute one statement in a transaction of its own"""

        def run(tx):
            tx.execute(statement)

        self.db.write(run)

    @contextlib.contextmanager
    def statements(self):
        """Collect the statements that are executed inside"""
        seen = []

        def note(conn, cursor, statement, parameters, context, executemany):
            seen.append(statement)

        sa.event.listen(self.db.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            sa.event.remove(self.db.engine, "before_cursor_execute", note)

    def close(self) -> None:
        """Close the connections"""
        self.db.dispose()
