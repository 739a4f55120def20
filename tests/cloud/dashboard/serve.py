"""Serves Horizon with its static files on loopback.

usage: serve.py PORT
"""

import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "openstack_dashboard.settings"

import waitress  # noqa: E402  after the settings are named
from django.core.wsgi import get_wsgi_application  # noqa: E402
from whitenoise import WhiteNoise  # noqa: E402

app = WhiteNoise(
    get_wsgi_application(), root=os.path.join(sys.prefix, "static"), prefix="static/"
)
waitress.serve(app, host="127.0.0.1", port=int(sys.argv[1]), threads=8)
