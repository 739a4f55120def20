"""Scoring engines: plugins that strategies may ask for a judgement."""

from watcher import exception
from watcher.api import noun, types
from watcher.api.collection import Collection
from watcher.api.noun import LISTED, Field, Noun
from watcher.db import scoring_engines

SCORING_ENGINE = Noun(
    name="scoring_engine",
    plural="scoring_engines",
    kind="ScoringEngine",
    fields=(
        Field(
            name="uuid",
            type=types.UUID,
            show=LISTED,
            always=True,
            help="Stays with the engine",
        ),
        Field(
            name="name",
            type=types.NAME,
            show=LISTED,
            always=True,
            help="Name for programs",
        ),
        Field(
            name="description", type=types.LONG_TEXT, show=LISTED, help="What it scores"
        ),
        Field(name="metainfo", type=types.TEXT, help="Free text about its model"),
    ),
    sort_keys=(*noun.STORED_KEYS, "name", "description", "metainfo"),
    marker=types.TEXT,
)


class ScoringEngines(Collection):
    """/v1/scoring_engines"""

    name = "scoring_engines"
    noun = SCORING_ENGINE
    table = scoring_engines
    not_found = exception.ScoringEngineNotFound
