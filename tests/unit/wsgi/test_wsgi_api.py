"""The doors that servers come in by: environment, lazy building, gunicorn's settings."""

import ssl

import pytest
import webob
from gunicorn.errors import AppImportError
from oslo_service import opts as service_opts

import watcher.conf
from watcher import exception
from watcher.cmd import api as program
from watcher.wsgi import api


def test_files_and_folders_come_from_the_environment():
    environ = {
        "OS_WATCHER_CONFIG_FILES": "/a.conf; /b.conf",
        "OS_WATCHER_CONFIG_DIRS": "/c",
    }
    assert api.arguments(environ) == [
        *("--config-file", "/a.conf", "--config-file", "/b.conf"),
        *("--config-dir", "/c"),
    ]
    assert api.arguments({}) == []


def test_the_first_request_builds_and_the_servers_arguments_are_not_read(
    monkeypatch, tmp_path
):
    path = tmp_path / "w.conf"
    path.write_text(
        "[DEFAULT]\nenable_authentication = false\ntransport_url = fake://\n"
        "[database]\nconnection = sqlite://\n"
    )
    monkeypatch.setenv("OS_WATCHER_CONFIG_FILES", str(path))
    monkeypatch.setattr("sys.argv", ["uwsgi", "--ini", "x", "--nonsense"])
    application = api.Application()
    assert application._app is None
    for _ in range(2):
        answer = webob.Request.blank("/").get_response(application)
        assert answer.json["versions"][0]["id"] == "v1"


def test_uwsgi_without_threads_is_noticed():
    class Uwsgi:
        opt = {"master": True}

    assert api.threads_run(None)
    assert not api.threads_run(Uwsgi())
    Uwsgi.opt = {"enable-threads": True}
    assert api.threads_run(Uwsgi())


def settings(**overrides):
    groups = {"cert_file": "ssl", "key_file": "ssl", "ca_file": "ssl"}
    groups["graceful_shutdown_timeout"] = None
    conf = watcher.conf.load("test", default_config_files=[])
    service_opts.register_service_opts(conf)
    for name, value in overrides.items():
        conf.set_override(name, value, groups.get(name, "api"))
    return program.settings(conf)


def test_address_and_workers_are_the_operators():
    found = settings(host="::1", port=1234, workers=3)
    assert found["bind"] == ["[::1]:1234"] and found["workers"] == 3
    assert "certfile" not in found
    assert settings()["bind"] == ["127.0.0.1:9322"] and settings()["workers"] >= 1


def test_requests_under_way_have_as_long_as_in_every_daemon():
    assert settings()["graceful_timeout"] == 60
    assert settings(graceful_shutdown_timeout=7)["graceful_timeout"] == 7
    # 0: as long as it takes.
    assert settings(graceful_shutdown_timeout=0)["graceful_timeout"] > 10**7


def test_tls_needs_its_files():
    with pytest.raises(exception.ConfigInvalid, match="cert_file"):
        settings(enable_ssl_api=True)
    files = {"cert_file": "c", "key_file": "k", "ca_file": "a"}
    found = settings(enable_ssl_api=True, **files)
    assert (found["certfile"], found["keyfile"]) == ("c", "k")
    assert found["cert_reqs"] == ssl.CERT_REQUIRED


def broken(tmp_path, **files):
    conf = watcher.conf.load("test", default_config_files=[])
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        conf.set_override(name, str(tmp_path / name), "ssl")
    conf.set_default("cert_file", "/nowhere/cert.pem", "ssl")
    with pytest.raises(exception.ConfigInvalid) as caught:
        program.try_tls(conf.ssl)
    return str(caught.value)


def test_tls_files_are_tried_before_anybody_connects(tmp_path):
    assert "[ssl] cert_file: /nowhere/cert.pem cannot be used" in broken(tmp_path)
    found = broken(tmp_path, cert_file="no certificate", key_file="no key")
    assert f"[ssl] key_file: {tmp_path}/key_file cannot be used" in found


def test_a_worker_that_cannot_start_says_so_in_one_line(tmp_path):
    path = tmp_path / "w.conf"
    path.write_text(
        "[DEFAULT]\ntransport_url = rubbish\n[database]\nconnection = sqlite://\n"
    )
    arguments = ["--config-file", str(path)]
    conf = watcher.conf.load("test", arguments)
    service_opts.register_service_opts(conf)
    server = program.Server(conf, arguments)
    with pytest.raises(AppImportError, match=r"^watcher-api: .*transport_url"):
        server.load()
