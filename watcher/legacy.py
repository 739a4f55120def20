"""Opens a doorway: an import path kept for packages written elsewhere.

The real modules are imported, stored in ``sys.modules`` under the old name and set as
attributes, so that both paths give the same class objects.
"""

import importlib
import sys
from collections.abc import Mapping, Sequence


def doorway(name: str, target: str, rooms: Sequence[str] | Mapping[str, str]) -> None:
    """Make ``name.<room>`` the module ``target.<room>``

    A mapping gives the old name of each room and the full path of the real module.
    """
    door = sys.modules[name]
    table = rooms if isinstance(rooms, Mapping) else {r: f"{target}.{r}" for r in rooms}
    for old, real in table.items():
        module = importlib.import_module(real)
        sys.modules[f"{name}.{old}"] = module
        setattr(door, old, module)
