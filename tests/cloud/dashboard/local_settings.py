"""Horizon's settings for the tests; what changes from run to run comes by environment."""

import os
import sys

from openstack_dashboard.settings import HORIZON_CONFIG

# A slow machine must not miss what a page tells.
HORIZON_CONFIG["auto_fade_alerts"]["types"] = []
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
SECRET_KEY = os.environ.get("DASHBOARD_SECRET", "none is needed to collect files")
OPENSTACK_KEYSTONE_URL = os.environ.get("DASHBOARD_KEYSTONE", "")
TIME_ZONE = "UTC"
# One process serves all pages, so its memory will do for sessions.
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STATIC_ROOT = os.path.join(sys.prefix, "static")
COMPRESS_OFFLINE = True
AVAILABLE_THEMES = [("default", "Default", "themes/default")]
