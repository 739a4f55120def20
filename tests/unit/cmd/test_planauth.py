"""How watcher-plan finds the API and says who is asking."""

import pytest
from keystoneauth1 import noauth, token_endpoint
from keystoneauth1.identity import generic

from watcher.cmd.planauth import Unusable, connect

CLOUDS = """
clouds:
  home:
    auth:
      auth_url: https://keystone.example/v3
      username: ann
      project_name: ops
      user_domain_name: Default
      project_domain_name: Default
    regions: [{name: west}, east]
    interface: internal
    cacert: /etc/ca.pem
    infra_optim_endpoint_override: https://watcher.example
  small:
    auth_type: none
    auth: {endpoint: "http://127.0.0.1:9322"}
  vendor:
    profile: somebody
  broken:
    auth: here
"""
SECRETS = "clouds: {home: {auth: {password: secret}}}"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    """No variables and no files of whoever runs the tests"""
    for name in ("AUTH_TYPE", "AUTH_URL", "ENDPOINT", "TOKEN", "CLOUD", "USERNAME",
                 "PASSWORD", "PROJECT_NAME", "REGION_NAME", "CACERT"):  # fmt: skip
        monkeypatch.delenv(f"OS_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_variables_of_an_openrc_file_do(monkeypatch):
    variables = {
        "OS_AUTH_URL": "https://keystone.example/v3", "OS_USERNAME": "ann",
        "OS_PASSWORD": "secret", "OS_PROJECT_NAME": "ops",
        "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
        "OS_REGION_NAME": "west", "OS_CACERT": "/etc/ca.pem", "OS_INTERFACE": "internal",
    }  # fmt: skip
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found, rest = connect(["watch", "--interval", "5", "P", "--os-region-name", "east"],
                          variables)  # fmt: skip
    assert rest == ["watch", "--interval", "5", "P"]
    auth = found.session.auth
    assert isinstance(auth, generic.Password)
    assert (auth.auth_url, auth._username) == (variables["OS_AUTH_URL"], "ann")
    assert (found.region_name, found.interface) == ("east", "internal")
    assert found.service_type == "infra-optim"
    assert found.session.verify == "/etc/ca.pem"
    assert connect(["list", "--insecure"], variables)[0].session.verify is False


def test_an_endpoint_alone_is_an_api_without_keystone():
    found, rest = connect(["list", "--os-endpoint", "http://127.0.0.1:9322"], {})
    assert rest == ["list"] and isinstance(found.session.auth, noauth.NoAuth)
    assert found.get_endpoint() == "http://127.0.0.1:9322"


def test_a_token_in_a_file_is_not_seen_by_others(tmp_path, monkeypatch):
    path = tmp_path / "token"
    path.write_text("abc\n")
    monkeypatch.setenv("OS_ENDPOINT", "http://127.0.0.1:9322")
    found, _rest = connect(
        ["list", "--os-token-file", str(path)], {"OS_ENDPOINT": "http://127.0.0.1:9322"}
    )
    assert isinstance(found.session.auth, token_endpoint.Token)
    assert found.session.auth.token == "abc"
    with pytest.raises(Unusable, match="the token cannot be read from /nowhere"):
        connect(["--os-endpoint", "http://x", "--os-token-file", "/nowhere"], {})


@pytest.mark.parametrize(
    "words",
    [["list"], ["list", "--os-auth-type", "none"], ["--os-auth-type", "password"]],
)
def test_without_an_address_it_says_how_to_give_one(words):
    with pytest.raises(Unusable, match="--os-cloud, or give --os-endpoint"):
        connect(words, {})


def test_a_kind_of_authentication_that_there_is_not():
    with pytest.raises(Unusable, match="magic"):
        connect(["list", "--os-auth-type", "magic"], {})


def test_a_cloud_of_clouds_yaml_with_its_secrets(tmp_path):
    (tmp_path / "clouds.yaml").write_text(CLOUDS)
    folder = tmp_path / ".config/openstack"
    folder.mkdir(parents=True)
    (folder / "secure.yaml").write_text(SECRETS)
    found, rest = connect(["watch", "P"], {"OS_CLOUD": "home", "OS_REGION_NAME": "no"})
    assert rest == ["watch", "P"]
    auth = found.session.auth
    assert (auth._username, auth._password) == ("ann", "secret")
    assert (found.region_name, found.interface) == ("west", "internal")
    assert found.session.verify == "/etc/ca.pem"
    assert found.get_endpoint() == "https://watcher.example"
    small, _rest = connect(["list", "--os-cloud", "small"], {})
    assert small.get_endpoint() == "http://127.0.0.1:9322"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lost", "has no cloud lost; it has: broken, home, small, vendor"),
        ("vendor", "takes its address from profile somebody"),
        ("broken", "auth of cloud broken is no mapping"),
    ],
)
def test_clouds_that_cannot_be_used(tmp_path, name, text):
    (tmp_path / "my.yaml").write_text(CLOUDS)
    with pytest.raises(Unusable, match=text):
        connect(
            ["--os-cloud", name], {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "my.yaml")}
        )


@pytest.mark.parametrize("text", ["{", "- a", "", "\xff"])
def test_files_that_are_no_clouds_yaml(tmp_path, text):
    (tmp_path / "clouds.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(Unusable, match=r"clouds\.yaml (cannot be read|has no cloud)"):
        connect(["--os-cloud", "home"], {})


def test_no_file_at_all():
    with pytest.raises(Unusable, match=r"there is no clouds\.yaml"):
        connect(["--os-cloud", "home"], {})
