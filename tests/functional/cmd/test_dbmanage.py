"""watcher-db-manage as an operator and his scripts see it: output, exit status, prompts."""

import dataclasses
import io
import logging
import subprocess
import sys

import pytest
import sqlalchemy as sa

from watcher.cmd import dbmanage
from watcher.db import migration, models

HEAD = migration.head()
RULE = (
    "+-------+------------+-----------------+--------+--------------+---------+-------+"
)
SCRIPT = "import sys; from watcher.cmd.dbmanage import main; sys.exit(main())"


@dataclasses.dataclass
class Done:
    """What a run left behind"""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def quiet_logging():
    """The tool sets logging up as a program of its own; take that back"""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def config_file(tmp_path):
    def write(url):
        path = tmp_path / "watcher.conf"
        path.write_text(f"[database]\nconnection = {url}\n")
        return str(path)

    return write


@pytest.fixture
def manage(config_file, monkeypatch, capsys, quiet_logging):
    """Run the tool on a database; standard input is empty unless given"""

    def run(url, *words, answers=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(answers))
        capsys.readouterr()
        try:
            status = dbmanage.main(["--config-file", config_file(url), *words])
        except SystemExit as exit:
            status = exit.code
        return Done(status, *capsys.readouterr())

    return run


def test_only_the_answer_is_on_standard_output(config_file, sqlite_url):
    """As a script sees it: a process of its own, logs at their usual level"""
    words = [sys.executable, "-c", SCRIPT, "--config-file", config_file(sqlite_url)]
    subprocess.run([*words, "upgrade"], check=True, capture_output=True)
    done = subprocess.run(
        [*words, "version"], check=True, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == (f"{HEAD}\n", "")


def one_line(done, text):
    """The error is a single line, the last, with the name of the program; no traceback"""
    assert done.returncode == 1, done
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("watcher-db-manage: ") and text in last, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return True


def test_life_of_a_database(manage, database_url):
    done = manage(database_url, "version")
    assert (done.returncode, done.stdout) == (0, "None\n")
    # No command at all means upgrade.
    assert manage(database_url).returncode == 0
    done = manage(database_url, "version")
    assert (done.returncode, done.stdout) == (0, f"{HEAD}\n")
    assert manage(database_url, "upgrade").returncode == 0
    assert manage(database_url, "check").returncode == 0
    assert one_line(manage(database_url, "create_schema"), "already")
    assert (
        manage(database_url, "downgrade", "--revision", "609bec748f2a").returncode == 0
    )
    assert manage(database_url, "version").stdout == "609bec748f2a\n"
    done = manage(database_url, "check")
    assert done.returncode == 1
    assert "table leases is missing" in done.stdout.splitlines()
    assert one_line(manage(database_url, "purge", "--yes"), "upgrade")
    assert manage(database_url, "stamp", "15f7375ca737").returncode == 0
    assert manage(database_url, "version").stdout == "15f7375ca737\n"


def test_create_schema_and_partial_upgrade(manage, sqlite_url):
    assert manage(sqlite_url, "upgrade", "--revision", "3cfc94cecf4e").returncode == 0
    assert manage(sqlite_url, "version").stdout == "3cfc94cecf4e\n"
    other = sqlite_url + ".other"
    assert manage(other, "create_schema").returncode == 0
    assert manage(other, "version").stdout == f"{HEAD}\n"


def test_usage_errors_exit_with_two(manage, sqlite_url):
    for words in (
        ("frobnicate",),
        ("stamp", "--revision", "001"),
        ("version", "extra"),
    ):
        done = manage(sqlite_url, *words)
        assert done.returncode == 2
        assert done.stderr.startswith("usage: watcher-db-manage")
        assert done.stdout == ""


@pytest.mark.parametrize(
    "url, text",
    [
        ("nonsense", "[database] connection"),
        ("oracle://somewhere/x", "[database] connection"),
        ("sqlite:////nowhere/at/all.sqlite", "/nowhere/at/all.sqlite: unable to open"),
        ("mysql://watcher:secret@127.0.0.1:1/watcher", "Can't connect"),
        ("postgresql://watcher:secret@127.0.0.1:1/watcher", "connection"),
    ],
)
def test_bad_databases_are_told_in_one_line(manage, url, text):
    done = manage(url, "version")
    assert one_line(done, text)
    assert "secret" not in done.stderr
    assert done.stdout == ""


def test_access_denied_is_one_line(manage, mysql_url):
    url = sa.make_url(mysql_url).set(username="nobody", password="secret")
    done = manage(url.render_as_string(hide_password=False), "upgrade")
    assert one_line(done, "Access denied")
    assert "secret" not in done.stderr


def test_unknown_revision_is_one_line_and_debug_shows_more(manage, sqlite_url):
    assert one_line(manage(sqlite_url, "upgrade", "--revision", "feed"), "feed")
    done = manage(sqlite_url, "--debug", "upgrade", "--revision", "feed")
    assert done.returncode == 1 and "Traceback" in done.stderr


def test_downgrade_that_would_destroy_is_one_line(manage, sqlite_url):
    fill(sqlite_url)
    assert one_line(manage(sqlite_url, "downgrade"), "would destroy 1 rows of audits")


def fill(url):
    engine = sa.create_engine(url)
    migration.upgrade(engine)
    gone = {"deleted": 1, "deleted_at": models.utcnow()}
    with engine.begin() as tx:
        tx.execute(sa.insert(models.Goal).values(name="g", display_name="G", **gone))
        tx.execute(
            sa.insert(models.Audit).values(name="a", goal_id=1, state="DELETED", **gone)
        )
    engine.dispose()


def goals(url):
    engine = sa.create_engine(url)
    with engine.connect() as tx:
        found = tx.scalar(sa.select(sa.func.count()).select_from(models.Goal))
    engine.dispose()
    return found


def numbers(done):
    """The last table printed"""
    lines = done.stdout.splitlines()
    assert lines[-1] == lines[-3] == lines[-5] == RULE
    return [int(cell) for cell in lines[-2].strip("|").split("|")]


def test_purge_asks_first(manage, sqlite_url):
    fill(sqlite_url)
    done = manage(sqlite_url, "purge", "--dry-run")
    assert done.returncode == 0 and numbers(done) == [1, 0, 0, 1, 0, 0, 2]
    assert "could be purged (orphans included)" in done.stdout
    done = manage(sqlite_url, "purge", "-e", answers="\n")
    assert done.returncode == 0 and "could be purged (orphans excluded)" in done.stdout
    assert done.stdout.count(RULE) == 6
    # Nobody there to answer: nothing happens, and the exit status tells.
    assert one_line(manage(sqlite_url, "purge"), "--yes")
    assert goals(sqlite_url) == 1
    done = manage(sqlite_url, "purge", answers="yes\n")
    assert done.returncode == 0 and numbers(done) == [1, 0, 0, 1, 0, 0, 2]
    assert "Purge results summary (orphans included)" in done.stdout
    assert goals(sqlite_url) == 0


def test_purge_with_a_limit(manage, sqlite_url):
    fill(sqlite_url)
    done = manage(sqlite_url, "purge", "-n", "1", "--dry-run", answers="no\n")
    assert (
        done.returncode == 0
        and "2 objects could be purged, the limit is 1" in done.stdout
    )
    done = manage(sqlite_url, "purge", "-n", "1", "--batch")
    assert done.returncode == 0 and numbers(done) == [0] * 7
    done = manage(sqlite_url, "purge", "--max-number", "2", "--yes")
    assert done.returncode == 0 and numbers(done)[-1] == 2


def test_purge_refuses_nonsense(manage, sqlite_url):
    fill(sqlite_url)
    assert one_line(manage(sqlite_url, "purge", "-n", "-1"), "negative")
    assert one_line(manage(sqlite_url, "purge", "-t", "nobody"), "could not be found")
