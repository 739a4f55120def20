"""What the standalone service finds in its folder, and in its configuration."""

import socket

import pytest

import watcher.conf
from tests import servers
from watcher import exception
from watcher.cmd import standalone


def run(tmp_path, capsys, text=""):
    """Return the exit status and what the operator reads"""
    path = tmp_path / "watcher.conf"
    path.write_text(text)
    status = standalone.main([
        "--config-file", str(path), "--state-dir", str(tmp_path / "state"),
        "--port", str(servers.free_port()),
    ])  # fmt: skip
    return status, capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, capsys):
    (tmp_path / "state").write_text("a file")
    status, told = run(tmp_path, capsys)
    assert status == 1
    assert told.count("\n") == 1
    assert "state-dir" in told


def test_a_second_service_on_the_same_folder_is_refused(tmp_path, capsys):
    first = standalone.StateFolder(tmp_path / "state")
    status, told = run(tmp_path, capsys)
    assert status == 1
    assert "another watcher-standalone uses it" in told
    first.stop(0)
    first.start()
    first.stop(0)


def test_another_file_in_place_of_the_cloud_is_told(tmp_path, capsys):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "cloud.json").write_text("garbage")
    status, told = run(tmp_path, capsys)
    assert status == 1
    assert "is not a simulated cloud; remove it" in told


def test_a_file_that_is_no_database_is_waited_for_in_one_sentence(tmp_path):
    (tmp_path / "watcher.sqlite").write_bytes(b"garbage" * 200)
    url = f"sqlite:///{tmp_path / 'watcher.sqlite'}"
    conf = watcher.conf.load(
        "test", default_config_files=[], overrides={("database", "connection"): url}
    )
    with pytest.raises(exception.DatabaseUnavailable, match="not a database"):
        standalone._migrate(conf)


def test_an_empty_token_lets_nobody_in(tmp_path):
    (tmp_path / "token").write_text("")
    answers = []
    layer = standalone.Token(lambda environ, start: [b"in"], tmp_path / "token")
    body = layer({"PATH_INFO": "/v1"}, lambda status, headers: answers.append(status))
    assert answers == ["401 Unauthorized"], body
    assert len((tmp_path / "token").read_text()) > 20


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[DEFAULT]\ntransport_url = rubbish\n", "[DEFAULT] transport_url: must look"),
        ("[DEFAULT]\ntransport_url = oven://a\n", "there is no driver oven"),
        ("[DEFAULT]\ntransport_url = rabbit://a:b@c:d/\n", "is not a number"),
        ("[oslo_policy]\npolicy_file = {path}\n", "[oslo_policy] policy_file: "),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, capsys, text, told):
    broken = tmp_path / "policy.yaml"
    broken.write_text("audit:get: [[[\n")
    status, line = run(tmp_path, capsys, text.format(path=broken))
    assert status == 1
    assert told in line
    assert "Traceback" not in line


def test_a_port_in_use_is_one_line(tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind((servers.LOOPBACK, 0))
        taken.listen()
        status = standalone.main([
            "--state-dir", str(tmp_path), "--port", str(taken.getsockname()[1]),
        ])  # fmt: skip
    told = capsys.readouterr().err
    assert status == 1
    assert "[api] port" in told
    assert "Traceback" not in told


def test_keystone_of_the_configuration_is_asked_who_is_there(tmp_path):
    path = tmp_path / "watcher.conf"
    path.write_text(
        "[keystone_authtoken]\nauth_type = password\nauth_url = http://keystone\n"
    )
    conf = watcher.conf.load("test", ["--config-file", str(path)])
    assert standalone.identity(conf, tmp_path) is None
    assert conf.enable_authentication
