"""Runs one WSGI API of the control plane in one process with a few threads.

usage: serve.py keystone|placement|glance|nova|cinder PORT CONFIG_FOLDER
"""

import os
import sys

name, port, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def load():
    """Import the service's application; each has its own way to find its files"""
    if name == "keystone":
        sys.argv = ["keystone"]
        os.environ["OS_KEYSTONE_CONFIG_DIR"] = folder
        os.environ["OS_KEYSTONE_CONFIG_FILES"] = "keystone.conf"
        from keystone.wsgi.api import application
    elif name == "placement":
        sys.argv = ["placement"]
        os.environ["OS_PLACEMENT_CONFIG_DIR"] = folder
        from placement.wsgi.api import application
    elif name == "glance":
        sys.argv = ["glance"]
        os.environ["OS_GLANCE_CONFIG_DIR"] = folder
        from glance.wsgi.api import application
    elif name == "nova":
        files = ("nova.conf", "nova-db.conf")
        sys.argv = ["nova-api"]
        for each in files:
            sys.argv += ["--config-file", f"{folder}/{each}"]
        os.environ["OS_NOVA_CONFIG_DIR"] = folder
        # Nova takes the first file for its paste configuration.
        paste = f"{sys.prefix}/etc/nova/api-paste.ini"
        os.environ["OS_NOVA_CONFIG_FILES"] = ";".join((paste, *files))
        from nova.wsgi.osapi_compute import application
    elif name == "cinder":
        sys.argv = ["cinder-api", "--config-file", f"{folder}/cinder.conf"]
        from cinder.wsgi.api import application
    else:
        raise SystemExit(f"unknown service {name}")
    return application


app = load()
import waitress  # noqa: E402  after the services chose their threading

# Horizon leaves a connection of each page open for minutes.
waitress.serve(
    app,
    host="127.0.0.1",
    port=port,
    threads=8,
    channel_timeout=300,
    connection_limit=4000,
    asyncore_use_poll=True,
)
