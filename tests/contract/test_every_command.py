"""Every command of the published client, with every option, at every version it asks for."""

import argparse

import pytest
from cliff import command as plain
from cliff import lister, show

from tests.contract import lines
from tests.contract.examples import USES
from tests.contract.lines import JSON
from tests.contract.world import World

MINORS = range(len(lines.VERSIONS))
DEFAULT = 5
# What the client prints although the service does not know it at the request's version.
UNKNOWN = {"Default Parameters": 7}
# What may be an empty text.
EMPTY = ("Comment", "Mandatory", "Metainfo")


@pytest.fixture(scope="module")
def world(standalone, tmp_path_factory):
    return World(standalone.client("1.7"), tmp_path_factory.mktemp("examples"))


def _parser(kind, name):
    """Return a command's class and its parser"""
    found = lines.commands(kind)[name].load()
    return found, found(None, argparse.Namespace()).get_parser(name)


def _own(kind, name):
    """Return what a command takes beside the options of all commands of its form"""
    found, parser = _parser(kind, name)
    form = next(
        form
        for form in (lister.Lister, show.ShowOne, plain.Command)
        if issubclass(found, form)
    )

    class Bare(form):
        def take_action(self, parsed_args):
            """Never run"""

    shared = Bare(None, argparse.Namespace()).get_parser(name)._option_string_actions
    return [
        action
        for action in parser._actions
        if not set(action.option_strings) & set(shared)
    ]


def _formatted(kind, name):
    found = lines.commands(kind)[name].load()
    return issubclass(found, (lister.Lister, show.ShowOne))


@pytest.mark.parametrize("kind", lines.LINES.values(), ids=lines.LINES)
def test_every_command_of_the_client_has_examples(kind):
    assert set(lines.commands(kind)) == set(USES)


@pytest.mark.parametrize("name", USES)
def test_every_option_of_the_client_has_an_example(name):
    used = {word for use in USES[name] for word in use.words.split()}
    for action in _own(lines.Watcher, name):
        assert not action.option_strings or used & set(action.option_strings), action
        # Of "add, replace, remove", "asc, desc" and the like, each.
        assert set(action.choices or ()) <= used, action


@pytest.mark.parametrize("minor", MINORS, ids=lines.VERSIONS)
@pytest.mark.parametrize("name", USES)
def test_example(command, world, name, minor):
    for use in _uses(command.kind, name, minor):
        told = use.told(world)
        if _formatted(command.kind, name):
            told += JSON
        early = minor < use.since
        out = command(
            name,
            *told,
            version=f"1.{minor}",
            fails=early or use.refused is not None,
        )
        if early:
            assert use.early.format(minor=minor, since=use.since) in out
        elif use.refused is not None:
            assert use.refused in out
        else:
            assert use.check(out, world, minor), out
            _whole(out, minor)


def _uses(kind, name, minor):
    # The commands of both lines are the same code; how the second one asks is seen by one
    # use of each, besides all at the version it asks for by itself and at the latest.
    if kind is lines.OpenStack and minor not in (DEFAULT, MINORS[-1]):
        return USES[name][:1]
    return USES[name]


def _whole(out, minor):
    """Check that the service sent all that the client prints

    What is null there is null here; what is not there is an empty text.
    """
    for row in out if isinstance(out, list) else [out]:
        for name, value in row.items() if row else ():
            owed = UNKNOWN.get(name, 0) <= minor
            assert (value != "") is owed or name in EMPTY, name
