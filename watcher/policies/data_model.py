"""Rules on the data model."""

from watcher.policies import base

RULES = [
    base.rule(
        "data_model:get_all",
        "Show the model of the cloud.",
        "GET",
        "/v1/data_model",
        check=base.READER,
    ),
]
