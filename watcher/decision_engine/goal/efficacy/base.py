"""The contract between a goal and the strategies that pursue it."""

import abc
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import jsonschema

from watcher import exception
from watcher.decision_engine.efficacy import Indicator
from watcher.decision_engine.goal.efficacy.indicators import IndicatorSpecification


class EfficacySpecification(abc.ABC):
    """Which indicators strategies report, and what they amount to"""

    @abc.abstractmethod
    def get_indicators_specifications(self) -> Sequence[IndicatorSpecification]:
        """Return the indicators that a strategy of the goal may set"""

    @abc.abstractmethod
    def get_global_efficacy_indicator(
        self, indicators_map: Any = None
    ) -> list[Indicator] | None:
        """Return what the values amount to; the map's values are attributes, too"""

    @cached_property
    def indicators_specs(self) -> list[IndicatorSpecification]:
        """The indicators, as a list"""
        return list(self.get_indicators_specifications())

    @cached_property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the object of all values"""
        specs = self.indicators_specs
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {spec.name: spec.schema for spec in specs},
        }
        # Draft 4 forbids an empty list here.
        if required := [spec.name for spec in specs if spec.required]:
            schema["required"] = required
        return schema

    def validate_efficacy_indicators(self, indicators_map: Mapping[str, Any]) -> None:
        """Refuse values that the indicators' schemas forbid; no value at all is fine

        :raises InvalidIndicatorValue: a value is wrong, or a required one is missing
        """
        if not indicators_map:
            return
        for spec in self.indicators_specs:
            if spec.name not in indicators_map:
                if spec.required:
                    raise exception.InvalidIndicatorValue(
                        f"The indicator '{spec.name}' is required but was not set"
                    )
                continue
            value = indicators_map[spec.name]
            try:
                jsonschema.Draft4Validator(spec.schema).validate(value)
            except jsonschema.ValidationError:
                raise exception.InvalidIndicatorValue(
                    name=spec.name, value=value, spec_type=json.dumps(spec.schema)
                ) from None

    def get_indicators_specs_dicts(self) -> list[dict[str, Any]]:
        """Return the indicators as the API shows them"""
        return [spec.to_dict() for spec in self.indicators_specs]

    def serialize_indicators_specs(self) -> str:
        """Return the indicators as JSON text"""
        return json.dumps(self.get_indicators_specs_dicts())
