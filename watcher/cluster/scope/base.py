"""What scope handlers derive from, also those written elsewhere."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, order=True)
class Missing:
    """Something that a scope names and the model does not have

    ``path`` is a JSON pointer into the handler's own rules, down to the value that names
    it (``/1/exclude/0/compute_nodes/2/name``); ``what`` is its kind in words (``compute
    node``), ``name`` how the scope calls it.
    """

    path: str
    what: str
    name: str


class BaseScope(abc.ABC):
    """Cuts a model to what an audit may look at

    ``scope`` is the list of rules that the document has for the model.
    """

    SCHEMA: ClassVar[Mapping[str, Any] | None] = None
    # Whether get_scoped_model may change the model that it is given. Handlers that never
    # do are given the model that others look at, too, and nobody copies all of it.
    CHANGES_MODEL: ClassVar[bool] = True

    def __init__(self, scope: Sequence[Mapping[str, Any]], config: Any) -> None:
        self.scope = scope
        self.config = config

    @abc.abstractmethod
    def get_scoped_model(self, cluster_model: Any) -> Any:
        """Return the cut model, which may be the given one, changed"""

    def missing(self, cluster_model: Any) -> Sequence[Missing]:
        """Return what the rules name and the model lacks, in the order of the rules

        Asks nobody and leaves the model as it is; its cost grows with the rules. Wildcards
        are never missing, nor is what a model cannot tell. By default nothing is known.
        """
        return ()

    @classmethod
    def conflict(cls, scope: Sequence[Mapping[str, Any]]) -> str | None:
        """Say which rules exclude each other, or None; asked after the schema held"""
        return None
