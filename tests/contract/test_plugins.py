"""A package outside the tree, one plugin of each kind, from audit to finished plan.

It is installed into a virtualenv of its own and run by the standalone service there.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import urllib.request

import pytest

from tests import servers

HEADERS = {"X-Roles": "admin", "Content-Type": "application/json"}
FINAL = ("SUCCEEDED", "FAILED", "CANCELLED")
# Broken collectors beside the others: everything below works all the same.
WEEDS = ("no_constructor", "no_parent", "no_reading", "no_model", "no_endpoints",
         "no_handling")  # fmt: skip
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Service:
    """The standalone service in the other virtualenv"""

    def __init__(self, prefix, folder):
        self.port = servers.free_port()
        config = folder / "watcher.conf"
        config.write_text(
            f"[collector]\ncollector_plugins = compute, garden, {', '.join(WEEDS)}\n"
            "api_query_max_retries = 1\n"
            "[watcher_strategies.water_plants]\ncans = 2\n"
            "[watcher_scoring_engines.dryness]\nfactor = 1.0\n"
        )
        self.log = open(folder / "log", "wb")  # noqa: SIM115
        self.process = subprocess.Popen(
            [prefix / "bin/python", "-m", "watcher.cmd.standalone", "--config-file",
             config, "--state-dir", folder, "--port", str(self.port)],
            stdout=self.log,
            stderr=self.log,
            cwd=folder,
        )  # fmt: skip

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            None if body is None else json.dumps(body).encode(),
            HEADERS,
            method=method,
        )
        with OPENER.open(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def ready(self):
        try:
            return bool(self.call("GET", "/v1/strategies")["strategies"])
        except OSError:
            return False

    def run(self, **body):
        """Create an audit and carry out its plan; return audit, plan and actions"""
        audit = self.call("POST", "/v1/audits", {"audit_type": "ONESHOT", **body})
        audit = self.until(f"/v1/audits/{audit['uuid']}")
        assert audit["state"] == "SUCCEEDED", audit
        path = f"/v1/action_plans/detail?audit_uuid={audit['uuid']}"
        (plan,) = self.call("GET", path)["action_plans"]
        self.call("POST", f"/v1/action_plans/{plan['uuid']}/start", {})
        plan = self.until(f"/v1/action_plans/{plan['uuid']}")
        path = f"/v1/actions/detail?action_plan_uuid={plan['uuid']}"
        return audit, plan, self.call("GET", path)["actions"]

    def until(self, path):
        servers.wait_until(
            lambda: self.call("GET", path)["state"] in FINAL, 60, f"end of {path}"
        )
        return self.call("GET", path)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """A virtualenv that has the package, and sees this one's libraries"""
    folder = tmp_path_factory.mktemp("plugins")
    prefix = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    ours = sysconfig.get_path("purelib")
    root = pathlib.Path(__file__).parents[2]
    found = subprocess.run(
        [
            prefix / "bin/python",
            "-c",
            "import sysconfig; print(sysconfig.get_path('purelib'))",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    pathlib.Path(found, "outer.pth").write_text(f"{ours}\n{root}\n")
    source = shutil.copytree(pathlib.Path(__file__).parent / "plugins", folder / "src")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps",
         "--no-build-isolation", "--disable-pip-version-check", "--target", found,
         source],
        check=True,
        env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"},
    )  # fmt: skip
    return prefix


@pytest.fixture(scope="module")
def service(prefix, tmp_path_factory):
    service = Service(prefix, tmp_path_factory.mktemp("state"))
    try:
        servers.wait_until(service.ready, 90, "standalone service")
        yield service
    except RuntimeError:
        print(pathlib.Path(service.log.name).read_text()[-5000:])
        raise
    finally:
        service.stop()


def test_every_kind_of_plugin_works_from_audit_to_finished_plan(service, tmp_path):
    trace = tmp_path / "trace"
    _audit, plan, actions = service.run(
        goal="tidy_garden",
        strategy="water_plants",
        parameters={"file": str(trace)},
    )
    assert plan["state"] == "SUCCEEDED", plan
    assert plan["global_efficacy"][0]["value"] == 50
    states = {a["input_parameters"]["resource_id"]: a["state"] for a in actions}
    # Two cans only, as the option of the strategy's group says; the rose is not second.
    assert states == {"cactus": "SKIPPED", "fern": "SUCCEEDED"}
    assert trace.read_text() == "fern\n"
    by_name = {a["input_parameters"]["resource_id"]: a for a in actions}
    assert by_name["fern"]["parents"] == [by_name["cactus"]["uuid"]]
    assert by_name["fern"]["description"] == "Water a plant"


def test_a_classic_strategy_reads_the_compute_model(service):
    _audit, plan, actions = service.run(goal="tidy_garden", strategy="count_servers")
    assert plan["state"] == "SUCCEEDED", plan
    counts = json.loads(actions[0]["input_parameters"]["message"])
    assert len(counts) == 8
    assert sum(counts.values()) == 40


def test_the_scoring_engine_and_the_goal_are_listed(service):
    engines = service.call("GET", "/v1/scoring_engines")["scoring_engines"]
    assert "dryness" in {engine["name"] for engine in engines}
    goal = service.call("GET", "/v1/goals/tidy_garden")
    names = [spec["name"] for spec in goal["efficacy_specification"]]
    assert names == ["watered_count", "plants_count"]


def test_a_template_may_use_the_scope_of_the_plugin(service):
    template = service.call(
        "POST",
        "/v1/audit_templates",
        {
            "name": "no-roses",
            "goal": "tidy_garden",
            "scope": [{"garden": [{"exclude": ["rose"]}]}],
        },
    )
    assert template["scope"] == [{"garden": [{"exclude": ["rose"]}]}]


def test_the_scope_of_the_plugin_cuts_its_model(service):
    template = service.call(
        "POST",
        "/v1/audit_templates",
        {
            "name": "roses",
            "goal": "tidy_garden",
            "strategy": "water_plants",
            "scope": [{"garden": [{"exclude": ["cactus", "fern"]}]}],
        },
    )
    _audit, _plan, actions = service.run(
        audit_template_uuid=template["uuid"], parameters={"file": os.devnull}
    )
    assert {a["input_parameters"]["resource_id"] for a in actions} == {"rose"}


def test_an_outside_model_follows_notifications_and_is_decided_on(prefix, tmp_path):
    """By the interpreter that has the package; see meadow.py for what happens"""
    config = tmp_path / "watcher.conf"
    config.write_text(
        f"[collector]\ncollector_plugins = compute, garden, {', '.join(WEEDS)}\n"
        "api_query_max_retries = 1\n"
        "[watcher_cluster_data_model_collectors.garden]\nevaporation = 0.1\n"
        "[watcher_scoring_engines.dryness]\nfactor = 1.0\n"
    )
    script = pathlib.Path(__file__).with_name("meadow.py")
    done = subprocess.run(
        [prefix / "bin/python", "-W", "ignore", script, config],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["taken"] == ["garden", "no_handling"]  # of all that heard of the rain
    assert told["before"] == ["cactus", "fern", "rose"]
    assert told["after rain"] == ["cactus", "fern"]
    assert told["in scope"] == ["fern"]
    assert told["read again"] == ["cactus", "fern", "rose"]
    assert told["ready"] is None
    assert told["compute nodes"] == 8
    assert told["broken"] == {
        "no_constructor": "ClusterStateNotDefined",
        "no_parent": "ClusterStateNotDefined",
        "no_reading": "ClusterDataModelCollectionError",
        "no_model": "ClusterDataModelCollectionError",
        "no_endpoints": None,
        "no_handling": None,
    }
