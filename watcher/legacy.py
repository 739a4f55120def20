"""Opens a doorway: an import path kept for packages written elsewhere.

The real modules are imported, stored in ``sys.modules`` under the old name and set as
attributes, so that both paths give the same class objects.
"""

import importlib
import sys
import types
from collections.abc import Mapping, Sequence


def doorway(name: str, target: str, rooms: Sequence[str] | Mapping[str, str]) -> None:
    """Make ``name.<room>`` the module ``target.<room>``

    A mapping gives the old name of each room and the full path of the real module. An old
    name with dots gets corridors: modules without a path of their own, so that nothing
    behind them can be imported a second time.
    """
    table = rooms if isinstance(rooms, Mapping) else {r: f"{target}.{r}" for r in rooms}
    for old, real in table.items():
        door = sys.modules[name]
        path = name
        *corridors, room = old.split(".")
        for corridor in corridors:
            path = f"{path}.{corridor}"
            if path not in sys.modules:
                sys.modules[path] = types.ModuleType(path, "Import path kept.")
                setattr(door, corridor, sys.modules[path])
            door = sys.modules[path]
        module = importlib.import_module(real)
        sys.modules[f"{path}.{room}"] = module
        setattr(door, room, module)
