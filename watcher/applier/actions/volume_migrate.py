"""Moves a volume to another pool, or gives it another type."""

from collections.abc import Callable
from typing import Any, ClassVar

from oslo_log import log

from watcher import exception
from watcher.applier import journal as journals
from watcher.applier.actions import base, volume_checks
from watcher.applier.actions.steps import Steps, drive
from watcher.applier.actions.volume_work import VolumeWork
from watcher.clients.protocols import Cinder
from watcher.clients.records import Volume
from watcher.domain.records import Operation

LOG = log.getLogger(__name__)

MIGRATE = "migrate"
SWAP = "swap"  # what older plans call it
RETYPE = "retype"
# Intents.
MOVE, MOVE_BACK = "migrate_volume", "migrate_volume_back"
CHANGE, CHANGE_BACK = "retype_volume", "retype_volume_back"


class VolumeMigrate(base.BaseAction):
    """Migrate or retype a volume, and wait until Cinder has done with it"""

    MIGRATION_TYPE = "migration_type"
    MIGRATE = MIGRATE
    SWAP = SWAP
    RETYPE = RETYPE
    DESTINATION_NODE = "destination_node"
    DESTINATION_TYPE = "destination_type"
    journalled: ClassVar[bool] = True

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the parameters"""
        text = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]}
        return {
            "type": "object",
            "properties": {
                "resource_id": {"type": "string", "pattern": base.UUID_PATTERN},
                "resource_name": {"type": "string"},
                "migration_type": {"type": "string", "enum": [MIGRATE, RETYPE, SWAP]},
                "destination_node": text,
                "destination_type": text,
            },
            "required": ["resource_id", "migration_type"],
            "additionalProperties": False,
        }

    @property
    def volume_id(self) -> str:
        """The volume"""
        return str(self.resource_id)

    @property
    def retypes(self) -> bool:
        """Whether the type is changed; else the pool is"""
        return bool(self.input_parameters[self.MIGRATION_TYPE] == RETYPE)

    @property
    def destination_node(self) -> str | None:
        """Full name of the pool that the volume shall go to"""
        return self.input_parameters.get(self.DESTINATION_NODE)

    @property
    def destination_type(self) -> str | None:
        """Name of the type that it shall get"""
        return self.input_parameters.get(self.DESTINATION_TYPE)

    def get_description(self) -> str:
        """Return one sentence for operators"""
        return "Moves a volume to another storage pool, or gives it another volume type"

    def validate_parameters(self) -> bool:
        """Check the schema, and that the way of migrating has its destination"""
        super().validate_parameters()
        name = self.DESTINATION_TYPE if self.retypes else self.DESTINATION_NODE
        if self.input_parameters.get(name) is None:
            kind = self.input_parameters[self.MIGRATION_TYPE]
            raise exception.InvalidParameter(
                f"parameter {name}: it is needed when migration_type is {kind}"
            )
        return True

    def pre_condition(self) -> None:
        """Skip when the volume is gone or as it shall be; fail when it cannot be"""
        volume = self._find()
        if volume is None:
            raise exception.ActionSkipped(f"Volume {self.volume_id} not found")
        kind = pool = None
        if self.destination_type is not None:
            kind = volume_checks.known_type(self.osc, self.destination_type)
        if self.destination_node is not None:
            pool = volume_checks.known_pool(self.osc, self.destination_node)
        if self.retypes:
            assert kind is not None
            if volume.type == kind.name:
                raise exception.ActionSkipped(
                    f"Volume {self.volume_id} has type {kind.name} already"
                )
            volume_checks.may_retype(self.osc, volume, kind)
            return
        assert pool is not None
        if volume.host == pool.name:
            raise exception.ActionSkipped(
                f"Volume {self.volume_id} is on {pool.name} already"
            )
        volume_checks.may_migrate(self.osc, volume, pool)

    def steps(self) -> Steps:
        """Migrate or retype the volume, until what it was copied from is gone too"""
        if self.retypes:
            yield from self._retype(str(self.destination_type), CHANGE)
        else:
            yield from self._migrate(str(self.destination_node), MOVE)

    def post_condition(self) -> None:
        """See that the volume is what it should be"""
        volume = self._find()
        if volume is None:
            raise exception.ActionExecutionFailure(
                f"Volume {self.volume_id} was deleted meanwhile"
            )
        wanted = self.destination_type if self.retypes else self.destination_node
        found = volume.type if self.retypes else volume.host
        if found != wanted:
            what = "has type" if self.retypes else "is on"
            raise exception.ActionExecutionFailure(
                f"Volume {self.volume_id} {what} {found}, not {wanted}"
            )

    def revert(self) -> bool:
        """Give the volume its type and pool back, as far as it was this action's doing"""
        drive(self._back(), self.journal.signals)
        return True

    # Inner workings -------------------------------------------------------------------

    @property
    def _cinder(self) -> Cinder:
        cinder: Cinder = self.osc.cinder
        return cinder

    def _find(self) -> Volume | None:
        try:
            return self._cinder.volume(self.volume_id)
        except exception.VolumeNotFound:
            return None

    def _migrate(self, pool: str, kind: str) -> Steps:
        yield from self._work(
            kind, f"migration of volume {self.volume_id} to {pool}", {"host": pool},
            lambda ident: self._cinder.migrate_volume(self.volume_id, pool, ident),
            dest=pool,
        )  # fmt: skip

    def _retype(self, name: str, kind: str) -> Steps:
        yield from self._work(
            kind, f"retype of volume {self.volume_id} to {name}", {"type": name},
            lambda ident: self._cinder.retype_volume(self.volume_id, name, ident),
            type=name,
        )  # fmt: skip

    def _work(
        self, kind: str, noun: str, wanted: dict[str, str],
        send: Callable[[str], str | None], **goal: str,
    ) -> Steps:  # fmt: skip
        yield from VolumeWork(
            self._cinder, self.sights, self.journal, self.volume_id,
            kind=kind, noun=noun, wanted=wanted, goal=goal, send=send,
        ).steps()  # fmt: skip

    def _back(self) -> Steps:
        mine = self._own_change()
        volume = self._find()
        if mine is None or volume is None:
            return
        source, kind = mine.detail.get("source"), mine.detail.get("was_type")
        # Where somebody else moved it meanwhile it stays.
        stayed = volume.host == mine.detail.get("host")
        if self.retypes and kind and volume.type == self.destination_type:
            yield from self._retype(str(kind), CHANGE_BACK)
            volume = self._find()
        if source and stayed and volume is not None and volume.host != source:
            yield from self._migrate(str(source), MOVE_BACK)

    def _own_change(self) -> Operation | None:
        done = [
            op
            for op in self.journal.operations
            if op.kind in (MOVE, CHANGE) and op.outcome == journals.SUCCEEDED
        ]
        return done[0] if done else None
