"""What scope handlers derive from, also those written elsewhere."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class BaseScope(abc.ABC):
    """Cuts a model to what an audit may look at

    ``scope`` is the list of rules that the document has for the model.
    """

    SCHEMA: ClassVar[Mapping[str, Any] | None] = None

    def __init__(self, scope: Sequence[Mapping[str, Any]], config: Any) -> None:
        self.scope = scope
        self.config = config

    @abc.abstractmethod
    def get_scoped_model(self, cluster_model: Any) -> Any:
        """Return the cut model, which may be the given one, changed"""

    @classmethod
    def conflict(cls, scope: Sequence[Mapping[str, Any]]) -> str | None:
        """Say which rules exclude each other, or None; asked after the schema held"""
        return None
