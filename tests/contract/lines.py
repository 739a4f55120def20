"""Both command lines of the published client, run inside the test's process.

Each has its own parser and output; only who asks is added to their requests, as the layer
that checks tokens would.
"""

import functools
import json
import logging
from importlib import metadata

from openstackclient import shell as openstack_shell
from osc_lib import clientmanager
from watcherclient import shell

from tests.contract.standalone import ADMIN

JSON = ("-f", "json")
VERSIONS = tuple(f"1.{minor}" for minor in range(8))


class Watched:
    """Keeps what the service answers; leaves errors on stderr alone

    A failed test shows no debug output.
    """

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def saw(self, answer, **_more):
        """Keep an answer"""
        self.seen.append(answer)

    def configure_logging(self):
        super().configure_logging()
        logging.getLogger().setLevel(logging.WARNING)


class Watcher(Watched, shell.WatcherShell):
    """``watcher``"""

    name = "watcher"
    group = "watcherclient.v1"
    words = ()
    options = ("--os-auth-token", "none", "--os-endpoint-override")

    def create_client(self, args):
        client = super().create_client(args)
        http = client.http_client.session
        http.headers.update(ADMIN)
        http.hooks["response"].append(self.saw)
        return client


class OpenStack(Watched, openstack_shell.OpenStackShell):
    """``openstack optimize``"""

    name = "openstack"
    group = "openstack.infra_optim.v1"
    words = ("optimize",)
    options = ("--os-auth-type", "none", "--os-endpoint")

    def prepare_to_run_command(self, cmd):
        super().prepare_to_run_command(cmd)
        # Kept for the life of a process, which a command has for itself.
        vars(clientmanager.ClientManager)["infra-optim"]._handle = None
        session = self.client_manager.session
        session.additional_headers.update(ADMIN)
        session.session.hooks["response"].append(self.saw)


LINES = {kind.name: kind for kind in (Watcher, OpenStack)}


@functools.cache
def commands(kind):
    """Return the commands that the client's package registers for a line, by name"""
    found = metadata.entry_points(group=kind.group)
    return {
        each.name.removeprefix("optimize_").replace("_", " "): each for each in found
    }


class Runner:
    """Runs commands of one line against one service; returns what they printed

    ``seen`` are the answers that the last command got, each with its request.
    """

    def __init__(self, kind, url, capsys):
        self.kind, self._url, self._capsys = kind, url, capsys
        self.seen = []

    def at(self, url):
        """Return one like this for the service at ``url``"""
        return Runner(self.kind, url, self._capsys)

    def __call__(self, words, *arguments, version=None, fails=False):
        """Return the JSON document that a command prints, or its text

        With ``fails`` the command has to, and what it says on stderr is returned.
        """
        asked = ("--os-infra-optim-api-version", version) if version else ()
        told = [*asked, *self.kind.options, self._url, *self.kind.words,
                *words.split(), *arguments]  # fmt: skip
        self.seen = []
        status = self.kind(self.seen).run(told)
        out, err = self._capsys.readouterr()
        assert bool(status) is fails, out + err
        if fails:
            return " ".join(err.split())
        return json.loads(out) if out.startswith(("[", "{")) else out
