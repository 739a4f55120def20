"""Guru meditation reports."""

import watcher.conf
from watcher import bus
from watcher.reports import Reports


def configured(**options):
    conf = watcher.conf.load("test", default_config_files=[], default_config_dirs=[])
    bus.register(conf)
    conf.set_override("transport_url", "rabbit://me:open-sesame@broker/")
    conf.set_override("periodic_interval", 77)
    for name, value in options.items():
        conf.set_override(name, value, "oslo_reports")
    return conf


def test_a_report_names_the_program_and_hides_secrets():
    made = Reports(
        configured(), "watcher-applier",
        {"Models": lambda: "compute: 3 nodes", "Broken": lambda: 1 / 0},
    )  # fmt: skip
    text = made.text()
    package = text[text.index("Package") : text.index("Threads")]
    assert "product = OpenStack Watcher" in package
    assert "None" not in package
    assert "compute: 3 nodes" in text and "ZeroDivisionError" in text
    assert "periodic_interval = 77" in text
    assert "open-sesame" not in text


def test_a_report_goes_to_the_configured_folder(tmp_path):
    Reports(configured(log_dir=str(tmp_path)), "watcher-applier", {}).write()
    [path] = tmp_path.iterdir()
    assert path.name.startswith("watcher-applier_gurumeditation_")
    assert "Guru Meditation" in path.read_text()
