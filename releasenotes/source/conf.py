"""Sphinx configuration of the release notes."""

project = "Watcher release notes"
extensions = ["openstackdocstheme", "reno.sphinxext"]
html_theme = "openstackdocs"
openstackdocs_repo_name = "openstack/watcher"
openstackdocs_auto_name = False
