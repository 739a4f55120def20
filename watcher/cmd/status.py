"""watcher-status: is this installation going to work after the upgrade?"""

import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import sqlalchemy as sa
from oslo_config import cfg
from oslo_policy import opts as policy_opts
from oslo_upgradecheck import common_checks, upgradecheck

from watcher import conf as config
from watcher import exception, parts, plugins
from watcher.clients import cloud
from watcher.conf import mistakes
from watcher.db import engine as engines
from watcher.db import migration

OK = upgradecheck.Result(upgradecheck.Code.SUCCESS)


def _warning(text: str) -> upgradecheck.Result:
    return upgradecheck.Result(upgradecheck.Code.WARNING, text)


def _failure(text: str) -> upgradecheck.Result:
    return upgradecheck.Result(upgradecheck.Code.FAILURE, text)


class Checks(upgradecheck.UpgradeCommands):
    """Everything that can be judged without starting a service"""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.conf = conf
        self._engine: sa.Engine | None = None

    def _nova_version(self) -> upgradecheck.Result:
        wrong = [line for line in config.check(self.conf) if "api_version" in line]
        return _failure(wrong[0]) if wrong else OK

    def _policy(self) -> upgradecheck.Result:
        result: upgradecheck.Result = common_checks.check_policy_json(self, self.conf)
        return result

    def _configuration(self) -> upgradecheck.Result:
        registry = plugins.Plugins(self.conf)
        installed = {group: registry.names(group) for group in plugins.GROUPS}
        wrong = config.check(self.conf, installed)
        return _failure("; ".join(wrong)) if wrong else OK

    def _dead_options(self) -> upgradecheck.Result:
        dead = mistakes.dead(self.conf)
        return _warning(f"without effect: {', '.join(dead)}") if dead else OK

    def _plugins(self) -> upgradecheck.Result:
        registry = plugins.Plugins(self.conf)
        for group in plugins.GROUPS:
            registry.classes(group)
        lines = [f"{p.name} ({p.group}): {p.reason}" for p in registry.broken]
        return _warning("left out: " + "; ".join(lines)) if lines else OK

    def _other_package(self) -> upgradecheck.Result:
        try:
            metadata.distribution("python-watcher")
        except metadata.PackageNotFoundError:
            return OK
        return _failure(
            "python-watcher is installed beside openstack-watcher; remove it"
        )

    def _rows(self, sql: str) -> list[Any]:
        if self._engine is None:
            self._engine = engines.create(self.conf)
        with self._engine.connect() as connection:
            return list(connection.execute(sa.text(sql)))

    def _schema(self) -> upgradecheck.Result:
        try:
            self._rows("SELECT 1")
            migration.ensure_current(self._engine)  # type: ignore[arg-type]
        except exception.SchemaMismatch as error:
            return _warning(str(error))
        except sa.exc.SQLAlchemyError as error:
            return _failure(f"no answer from the database: {parts.summary(error)}")
        return OK

    def _asked(self, sql: str, text: str) -> upgradecheck.Result:
        """Warn with ``text`` and the first column of what ``sql`` finds"""
        try:
            found = [str(row[0]) for row in self._rows(sql)]
        except sa.exc.SQLAlchemyError:
            # The schema's own check says what is wrong with the database.
            return OK
        if not found:
            return OK
        shown = ", ".join(found[:10]) + (", ..." if len(found) > 10 else "")
        return _warning(f"{text}: {shown}")

    def _names(self) -> upgradecheck.Result:
        return self._asked(
            "SELECT name FROM audits WHERE deleted_at IS NULL AND name IS NOT NULL "
            "GROUP BY name HAVING count(*) > 1",
            "several live audits share a name; upgrade renames all but one",
        )

    def _jobs(self) -> upgradecheck.Result:
        return self._asked(
            "SELECT id FROM apscheduler_jobs",
            "stored jobs of the former scheduler are ignored; they may be deleted",
        )

    def _stuck(self) -> upgradecheck.Result:
        return self._asked(
            "SELECT uuid FROM action_plans WHERE deleted_at IS NULL "
            "AND state IN ('ONGOING', 'CANCELLING')",
            "plans are under way; without a living applier the next one that starts "
            "takes them over or cancels them",
        )

    def _service(self, name: str) -> upgradecheck.Result:
        try:
            client = getattr(cloud.Clients(self.conf), name)
            if name == "nova":
                client.services()
            elif name == "keystone":
                client.has_service("compute")
            else:
                client.inventories([])
        except exception.WatcherException as error:
            return _warning(str(error))
        return OK

    def _keystone(self) -> upgradecheck.Result:
        return self._service("keystone")

    def _nova(self) -> upgradecheck.Result:
        return self._service("nova")

    def _placement(self) -> upgradecheck.Result:
        return self._service("placement")

    def _queue(self) -> upgradecheck.Result:
        text = (
            "engines of another implementation ran on these hosts; on RabbitMQ each left a "
            "queue of the host's name that fills up and that nobody reads any more: stop "
            "those engines and delete it (ours is watcher-model-<host>)"
        )
        hosts = (
            "SELECT DISTINCT host FROM services WHERE name = 'watcher-decision-engine'"
        )
        try:
            self._rows("SELECT runtime FROM services WHERE 1 = 0")
        except sa.exc.SQLAlchemyError:
            # The schema is still theirs: every row is.
            return self._asked(hosts, text)
        return self._asked(f"{hosts} AND runtime IS NULL", text)

    _upgrade_checks = (
        ("Minimum Nova API Version", _nova_version),
        ("Policy File JSON to YAML Migration", _policy),
        ("Configuration", _configuration),
        ("Options without effect", _dead_options),
        ("Plugins", _plugins),
        ("Other distribution", _other_package),
        ("Database schema", _schema),
        ("Names of audits", _names),
        ("Stored scheduler jobs", _jobs),
        ("Plans under way", _stuck),
        ("Keystone", _keystone),
        ("Nova", _nova),
        ("Placement", _placement),
        ("Former notification queue", _queue),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``watcher-status``; return its exit status"""
    conf = cfg.ConfigOpts()
    config.register(conf)
    conf.register_opts(policy_opts._options, group=policy_opts._option_group)
    upgradecheck.register_cli_options(conf, Checks(conf))
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        conf(
            arguments,
            project=config.PROJECT,
            prog="watcher-status",
            version=config.version(),
        )
    except cfg.Error as error:
        print(f"watcher-status: {error}", file=sys.stderr)
        return 1
    # The library looks for --json on an object that only its own main() sets.
    upgradecheck.CONF = conf
    return int(upgradecheck.run(conf))


if __name__ == "__main__":
    sys.exit(main())
