"""Guru meditation reports and metrics."""

import watcher.conf
from watcher import bus
from watcher.metrics import TABLE, Metrics
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


def test_metrics_are_counted_on_a_registry_of_their_own():
    one, two = Metrics(), Metrics()
    one.count("watcher_plans_total", state="FAILED")
    one.observe("watcher_plan_seconds", 1.5)
    one.set("watcher_ready", 1, part="lease")
    text = one.text().decode()
    assert 'watcher_plans_total{state="FAILED"} 1.0' in text
    assert "watcher_plan_seconds_sum 1.5" in text
    assert 'watcher_ready{part="lease"} 1.0' in text
    assert 'state="FAILED"' not in two.text().decode()
    assert len({metric.name for metric in TABLE}) == len(TABLE)
