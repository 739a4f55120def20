"""Sphinx configuration."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "ext"))

project = "Watcher"
copyright = "The Watcher engineers"
extensions = ["openstackdocstheme", "api_reference"]
html_theme = "openstackdocs"
openstackdocs_repo_name = "openstack/watcher"
openstackdocs_auto_name = False
exclude_patterns: list[str] = []
