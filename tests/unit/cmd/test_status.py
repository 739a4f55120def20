"""watcher-status tells whether the installation is going to work."""

import json

import pytest
import sqlalchemy as sa

from watcher.cmd import status
from watcher.db import models


@pytest.fixture
def run(tmp_path, capsys):
    """Run the command on a configuration file; return exit status and results"""

    def run(text="", *arguments):
        path = tmp_path / "watcher.conf"
        path.write_text(
            f"[database]\nconnection = sqlite:///{tmp_path}/w.sqlite\n{text}"
        )
        code = status.main(
            ["--config-file", str(path), *(arguments or ("upgrade", "check", "--json"))]
        )
        out = capsys.readouterr().out
        checks = json.loads(out)["checks"] if out.startswith("{") else []
        return code, {c["check"]: (c["result"], c["details"]) for c in checks}

    return run


def test_an_old_nova_version_is_a_failure(run):
    code, results = run("[nova]\napi_version = 2.1\n")
    assert code == 2
    assert results["Minimum Nova API Version"][0] == 2
    assert "2.56" in results["Minimum Nova API Version"][1]


def test_a_missing_schema_is_a_warning_that_names_the_command(run):
    code, results = run()
    assert code == 1
    assert results["Minimum Nova API Version"] == (0, None)
    assert "watcher-db-manage upgrade" in results["Database schema"][1]


def test_options_without_effect_are_named(run):
    _code, results = run("[watcher_applier]\npublisher_id = x\n")
    assert results["Options without effect"][0] == 1
    assert "[watcher_applier] publisher_id" in results["Options without effect"][1]


def test_a_missing_file_is_exit_1(capsys):
    assert status.main(["--config-file", "/nonexistent", "upgrade", "check"]) == 1
    assert "/nonexistent" in capsys.readouterr().err


def test_no_command_is_a_usage_error(tmp_path):
    with pytest.raises(SystemExit) as error:
        status.main(["--nonsense"])
    assert error.value.code == 2


class TestFormerQueue:
    """decisions D5.10, messaging.md W-M25: a queue named after the host grows unread"""

    CHECK = "Former notification queue"

    def services(self, tmp_path, *rows):
        engine = sa.create_engine(f"sqlite:///{tmp_path}/w.sqlite")
        models.Base.metadata.create_all(engine)
        with engine.begin() as connection:
            for name, host, runtime in rows:
                values = {"name": name, "host": host, "runtime": runtime}
                connection.execute(sa.insert(models.Service).values(**values))
        engine.dispose()

    def test_hosts_of_the_reference_are_named(self, run, tmp_path):
        self.services(
            tmp_path,
            ("watcher-decision-engine", "old1", None),
            ("watcher-decision-engine", "new1", "openstack-watcher 1"),
            ("watcher-applier", "applier1", None),
        )
        result, text = run()[1][self.CHECK]
        assert result == 1
        assert text.endswith(": old1") and "watcher-model-<host>" in text

    def test_where_it_never_ran_there_is_nothing_to_do(self, run, tmp_path):
        self.services(tmp_path, ("watcher-decision-engine", "new1", "ours"))
        assert run()[1][self.CHECK] == (0, None)
        # Nor without any tables: the check of the schema says that.
        (tmp_path / "w.sqlite").unlink()
        assert run()[1][self.CHECK] == (0, None)
