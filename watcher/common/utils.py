"""Import path kept for plugins packaged outside this tree."""

from typing import Any

from oslo_utils import uuidutils

from watcher.plugins import Options


def generate_uuid() -> str:
    """Return a new UUID"""
    return uuidutils.generate_uuid()


def is_uuid_like(value: Any) -> bool:
    """Tell whether ``value`` is a UUID in any spelling"""
    return bool(uuidutils.is_uuid_like(value))


Struct = Options
