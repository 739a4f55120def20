"""A strategy that tells when it began, when it had the model, and what memory it has."""

import pathlib
import time
from typing import Any

from watcher.cluster.model.simulate import View
from watcher.decision_engine.strategy import base


class Probe(base.UnclassifiedStrategy):
    """Measures instead of deciding; moments are of the clock that all processes share"""

    @classmethod
    def get_name(cls) -> str:
        """Return the name"""
        return "probe"

    @classmethod
    def get_display_name(cls) -> str:
        """Return the label"""
        return "Probe"

    get_translatable_display_name = get_display_name

    def pre_execute(self) -> None:
        """Take the model"""
        self.began_s = time.monotonic()
        super().pre_execute()
        self.had_s = time.monotonic()

    def do_execute(self, audit: Any = None) -> None:
        """Read each server once, as strategies do"""
        view = View(self.compute_model)
        viewed_s = time.monotonic()
        names = [
            server.name for server in self.compute_model.get_all_instances().values()
        ]
        self.solution.add_action(
            "nop",
            {
                "began_s": self.began_s,
                "had_s": self.had_s,
                "viewed_s": viewed_s,
                "read_s": time.monotonic(),
                "servers": len(names),
                **_memory(),
            },
        )
        del view


def _memory() -> dict[str, float]:
    text = pathlib.Path("/proc/self/smaps_rollup").read_text()
    found = dict(line.split()[:2] for line in text.splitlines()[1:])
    private = int(found["Private_Dirty:"]) + int(found["Private_Clean:"])
    return {"rss_mb": int(found["Rss:"]) / 1024, "private_mb": private / 1024}
