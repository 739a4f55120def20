"""Sphinx configuration."""

project = "Watcher"
copyright = "The Watcher engineers"
extensions = ["openstackdocstheme"]
html_theme = "openstackdocs"
openstackdocs_repo_name = "openstack/watcher"
openstackdocs_auto_name = False
exclude_patterns: list[str] = []
