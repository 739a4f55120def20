"""The contract that the simulated cloud keeps is tried on the real one."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from tests.cloud import configs

ROOT = pathlib.Path(__file__).parents[2]


CONTRACTS = (
    "test_cloud_contract.py",
    "test_storage_contract.py",
    "test_volume_changes.py",
)


def tried(plane, folder, *files):
    """Run these contracts on the plane's cloud; return the line that sums them up"""
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
    path = folder / "cloud.json"
    path.write_text(json.dumps(access))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "real", "--timeout=300",
         *(f"tests/contract/{name}" for name in files)],
        cwd=ROOT,
        env={**os.environ, "WATCHER_TEST_CLOUD": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    assert done.returncode == 0, "\n".join(lines[-60:])
    return lines[-1].strip("= ")


@pytest.mark.usefixtures("storage")
def test_the_real_cloud_says_the_same(plane, tmp_path, report):
    said = tried(plane, tmp_path, *CONTRACTS)
    report(f"contract of the clients on real Nova: {said}")


def test_real_servers_change_as_simulated_ones(plane, tmp_path, report):
    # Apart from the others, so that they do not share a server.
    said = tried(plane, tmp_path, "test_server_contract.py")
    report(f"contract of changes of servers on real Nova: {said}")


@pytest.mark.acceptance
def test_actions_change_real_servers(plane, tmp_path, report):
    said = tried(plane, tmp_path, "test_server_actions_contract.py")
    report(f"actions on servers of real Nova: {said}")


@pytest.mark.usefixtures("storage", "metal")
def test_real_volumes_and_machines_change_as_simulated_ones(plane, tmp_path, report):
    said = tried(plane, tmp_path, "test_volume_moves.py", "test_metal_contract.py")
    report(f"contract of moves and power on real Cinder and Ironic: {said}")


@pytest.mark.acceptance
@pytest.mark.usefixtures("storage", "metal")
def test_actions_on_volumes_and_machines_on_the_real_cloud(plane, tmp_path, report):
    said = tried(plane, tmp_path, "test_storage_actions.py")
    report(f"actions on volumes and machines on real Cinder and Ironic: {said}")
