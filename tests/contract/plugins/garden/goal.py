"""A goal with an efficacy of its own."""

from watcher.decision_engine.goal import base
from watcher.decision_engine.goal.efficacy import base as efficacy
from watcher.decision_engine.goal.efficacy import indicators
from watcher.decision_engine.solution import efficacy as results


class WateredCount(indicators.IndicatorSpecification):
    def __init__(self):
        super().__init__(
            name="watered_count", description="Plants that get water", unit=None
        )

    @property
    def schema(self):
        return {"type": "integer", "minimum": 0}


class PlantsCount(indicators.IndicatorSpecification):
    def __init__(self):
        super().__init__(
            name="plants_count", description="Plants in the garden", unit=None
        )

    @property
    def schema(self):
        return {"type": "integer", "minimum": 0}


class GardenEfficacy(efficacy.EfficacySpecification):
    def get_indicators_specifications(self):
        return [WateredCount(), PlantsCount()]

    def get_global_efficacy_indicator(self, indicators_map=None):
        share = 0
        if indicators_map and indicators_map.plants_count:
            share = indicators_map.watered_count * 100 / indicators_map.plants_count
        return [
            results.Indicator(
                name="watered_share",
                description="Share of the plants that get water",
                unit="%",
                value=share,
            )
        ]


class TidyGarden(base.Goal):
    @classmethod
    def get_name(cls):
        return "tidy_garden"

    @classmethod
    def get_display_name(cls):
        return "Tidy garden"

    @classmethod
    def get_translatable_display_name(cls):
        return "Tidy garden"

    @classmethod
    def get_efficacy_specification(cls):
        return GardenEfficacy()
