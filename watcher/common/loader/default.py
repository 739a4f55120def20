"""Import path kept for plugins packaged outside this tree."""

from watcher.loader import DefaultLoader

__all__ = ("DefaultLoader",)
