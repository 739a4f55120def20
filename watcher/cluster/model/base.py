"""What outside models derive from."""

import abc


class Model(abc.ABC):
    """A cluster data model; it can be deep-copied and is true while it may be used"""

    @abc.abstractmethod
    def to_string(self) -> str:
        """Return the model as text"""

    @abc.abstractmethod
    def to_xml(self) -> str:
        """Return the model as an XML document"""
