"""The policy tools that operators know work on our rules."""

import pathlib
import subprocess
import sys

import pytest


def tool(name, *arguments):
    """Run one of the library's programs; return its exit status and all it says"""
    program = pathlib.Path(sys.executable).with_name(f"oslopolicy-{name}")
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def configured(tmp_path):
    """Return a function that writes a policy file; it returns the tools' arguments"""

    def write(text):
        (tmp_path / "policy.yaml").write_text(text)
        config = tmp_path / "watcher.conf"
        config.write_text(f"[oslo_policy]\npolicy_file = {tmp_path}/policy.yaml\n")
        return ["--config-file", str(config), "--namespace", "watcher"]

    return write


def test_sample_has_every_rule_commented_out(tmp_path):
    path = tmp_path / "sample.yaml"
    status, said = tool(
        "sample-generator", "--namespace", "watcher", "--output-file", str(path)
    )
    assert status == 0, said
    sample = path.read_text()
    assert '#"audit:create": "rule:admin_api"' in sample
    assert '#"webhook:trigger": "rule:admin_or_service_api"' in sample
    assert "# POST  /v1/audits" in sample
    lines = [line for line in sample.splitlines() if line and line[0] != "#"]
    assert lines == []


def test_sample_of_the_package_is_made_from_its_own_file(tmp_path, monkeypatch):
    root = pathlib.Path(__file__).parents[3]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "etc" / "watcher").mkdir(parents=True)
    inputs = root / "etc" / "watcher" / "watcher-policy-generator.conf"
    status, said = tool("sample-generator", "--config-file", str(inputs))
    assert status == 0, said
    sample = (tmp_path / "etc" / "watcher" / "policy.yaml.sample").read_text()
    assert "# GET  /v1/audits/{audit_uuid}/explanation" in sample


def test_validator_takes_good_files_and_names_what_is_wrong(configured):
    good = configured('"audit:create": "role:gardener"\n')
    status, said = tool("validator", *good)
    assert status == 0, said
    bad = configured('"audit:creat": "role:gardener"\n"audit:get": "rule:nope"\n')
    status, said = tool("validator", *bad)
    assert status != 0 and "audit:creat\n" in said and "audit:get" in said


def test_redundant_rules_are_listed(configured):
    arguments = configured(
        '"audit:create": "rule:admin_api"\n"audit:delete": "role:gardener"\n'
    )
    status, said = tool("list-redundant", *arguments)
    assert status == 0, said
    assert '"audit:create"' in said and '"audit:delete"' not in said


def test_old_json_files_are_converted(tmp_path):
    old, new = tmp_path / "policy.json", tmp_path / "policy.yaml"
    old.write_text('{"audit:create": "role:gardener", "audit:get": "rule:admin_api"}')
    status, said = tool(
        *("convert-json-to-yaml", "--namespace", "watcher"),
        *("--policy-file", str(old), "--output-file", str(new)),
    )
    assert status == 0, said
    assert '"audit:create": "role:gardener"' in new.read_text()


def test_policy_of_one_file_is_written_out(configured):
    arguments = configured('"audit:create": "role:gardener"\n')
    status, said = tool("policy-generator", *arguments)
    assert status == 0, said
    assert '"audit:create": "role:gardener"' in said
    assert '"audit:delete": "rule:admin_api"' in said
