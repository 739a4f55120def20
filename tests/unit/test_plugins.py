"""Plugins are found, configured and built; a broken one harms nobody."""

import pytest
from oslo_config import cfg

import watcher.conf
from watcher import exception, plugins
from watcher.context import RequestContext


class Lamp:
    """A plugin with an option"""

    def __init__(self, config, osc=None):
        self.config, self.osc = config, osc

    @classmethod
    def get_config_opts(cls):
        return [cfg.IntOpt("watts", default=40)]


class Candle(Lamp):
    """A plugin without options"""

    @classmethod
    def get_config_opts(cls):
        return []


class Crooked(Lamp):
    """A plugin whose declaration of options fails"""

    @classmethod
    def get_config_opts(cls):
        raise RuntimeError("no idea")


class Fragile(Candle):
    """A plugin that cannot be built"""

    def __init__(self, config, osc=None):
        raise ValueError("broke")


@pytest.fixture
def registry(tmp_path):
    path = tmp_path / "watcher.conf"
    path.write_text("[watcher_actions.lamp]\nwatts = 60\n")
    conf = watcher.conf.load("test", default_config_files=[str(path)])
    known = {
        "watcher_actions": {
            "lamp": Lamp,
            "candle": Candle,
            "crooked": Crooked,
            "fragile": Fragile,
        }
    }
    return plugins.Plugins(conf, known)


def test_a_plugin_gets_the_values_of_its_group(registry):
    lamp = registry.load("watcher_actions", "lamp", osc="clients")
    assert lamp.config.watts == lamp.config["watts"] == 60
    assert lamp.osc == "clients"


def test_an_option_that_nobody_declared_is_an_attribute_error(registry):
    candle = registry.load("watcher_actions", "candle")
    with pytest.raises(AttributeError):
        candle.config.watts  # noqa: B018


def test_a_broken_plugin_is_left_out_and_told(registry):
    assert registry.names("watcher_actions") == ["candle", "fragile", "lamp"]
    (broken,) = registry.broken
    assert (broken.name, broken.reason) == ("crooked", "RuntimeError: no idea")


def test_a_constructor_that_fails_is_a_loading_error(registry):
    with pytest.raises(exception.LoadingError, match="fragile.*ValueError: broke"):
        registry.load("watcher_actions", "fragile")


def test_an_unknown_name_lists_what_there_is(registry):
    with pytest.raises(exception.LoadingError, match="candle, fragile, lamp"):
        registry.load("watcher_actions", "torch")


def test_the_shipped_plugins_all_load():
    registry = plugins.Plugins(watcher.conf.load("test", default_config_files=[]))
    for group in plugins.GROUPS:
        registry.classes(group)
    assert registry.broken == []
    assert len(registry.names("watcher_goals")) == 10


def test_a_context_survives_unknown_keys_and_drops_secrets():
    ctx = RequestContext(roles=["admin"], auth_token="secret", show_deleted=True)
    wire = {**ctx.to_dict(), "from_the_future": 1}
    again = RequestContext.from_dict(wire)
    assert (again.roles, again.show_deleted) == (["admin"], True)
    assert "secret" not in str(again.without_secrets().to_dict())
