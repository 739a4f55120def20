"""Watcher keeps an OpenStack cloud well arranged."""
