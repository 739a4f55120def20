"""A database in memory, with everything that an observer was told."""

import pytest

from tests import worlds


@pytest.fixture
def heard():
    """Changes that the observer of ``world`` was told, in order"""
    return []


@pytest.fixture
def world(heard):
    """A small database in memory"""
    made = worlds.World("sqlite://", observer=lambda tx, change: heard.append(change))
    yield made
    made.close()
