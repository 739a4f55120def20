"""The contract that the simulated cloud keeps is tried on the real one."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from tests.cloud import configs

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.usefixtures("storage")
def test_the_real_cloud_says_the_same(plane, tmp_path, report):
    access = {
        "auth_url": plane.url("keystone", "/v3"),
        "username": "watcher",
        "password": configs.PASSWORD,
        "project_name": "service",
        "user_domain_id": "default",
        "project_domain_id": "default",
        "region_name": "RegionOne",
        "control": str(plane.folder / "control"),
    }
    path = tmp_path / "cloud.json"
    path.write_text(json.dumps(access))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "real", "--timeout=300",
         "tests/contract/test_cloud_contract.py",
         "tests/contract/test_storage_contract.py",
         "tests/contract/test_volume_changes.py"],
        cwd=ROOT,
        env={**os.environ, "WATCHER_TEST_CLOUD": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    assert done.returncode == 0, "\n".join(lines[-60:])
    report(f"contract of the clients on real Nova: {lines[-1].strip('= ')}")
