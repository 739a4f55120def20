"""[watcher_decision_engine] default_scope: read at start, and refused in words."""

import pytest

import watcher.conf
from watcher import exception
from watcher.cluster.scope import document
from watcher.cluster.scope.compute import ComputeScope
from watcher.conf import mistakes
from watcher.plugins import SCOPE_HANDLERS, Plugins

ZONE = '[{"availability_zones": [{"name": "nova"}]}]'


def scope(tmp_path, text):
    file = tmp_path / "watcher.conf"
    file.write_text(f"[watcher_decision_engine]\ndefault_scope = {text}\n")
    conf = watcher.conf.load("test", default_config_files=[str(file)])
    plugins = Plugins.of({SCOPE_HANDLERS: {"compute": ComputeScope}}, conf)
    return conf, lambda: document.default_scope_of(conf, plugins)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", []),
        ("[]", []),
        (ZONE, [{"compute": [{"availability_zones": [{"name": "nova"}]}]}]),
    ],
)
def test_it_is_a_scope_as_the_api_takes_it(tmp_path, text, wanted):
    _conf, read = scope(tmp_path, text)
    assert read() == wanted


def test_what_is_no_scope_is_refused_at_start(tmp_path):
    _conf, read = scope(tmp_path, '[{"compute": [{"zones": []}]}]')
    with pytest.raises(exception.ConfigInvalid) as caught:
        read()
    assert "[watcher_decision_engine] default_scope: /scope/0/compute/0" in str(
        caught.value
    )


@pytest.mark.parametrize("text", ["nova", '{"compute": []}', "[{]"])
def test_what_is_no_list_is_a_mistake_in_the_file(tmp_path, text):
    conf, _read = scope(tmp_path, text)
    found = [item for item in mistakes.values(conf) if item[1] == "default_scope"]
    assert len(found) == 1 and "JSON" in found[0][2]
