"""Collectors that are broken, each in its own way."""

from watcher.decision_engine.model.notification import base as endpoints

from garden import collector


class NoConstructor(collector.GardenCollector):
    def __init__(self, config, osc=None):
        raise RuntimeError("this one does not even begin")


class NoParent(collector.GardenCollector):
    def __init__(self, config, osc=None):
        pass  # forgets to call its parent's


class NoReading(collector.GardenCollector):
    def execute(self):
        raise RuntimeError("this one cannot read")


class NoModel(collector.GardenCollector):
    def execute(self):
        return None


class NoEndpoints(collector.GardenCollector):
    notification_endpoints = None


class NoHandling(collector.GardenCollector):
    class Thunder(endpoints.NotificationEndpoint):
        filter_rule = None

        def process_info(self, ctxt, publisher_id, event_type, payload, metadata):
            raise RuntimeError("this one cannot handle anything")

    @property
    def notification_endpoints(self):
        return [self.Thunder(self)]
