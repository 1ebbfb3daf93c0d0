"""Serves Keystone's own WSGI application: `serve.py CONFIGURATION HOST:PORT`. Runs in Keystone's environment."""

import os
import sys

import waitress

configuration, address = sys.argv[1:]
os.environ["OS_KEYSTONE_CONFIG_FILES"] = configuration
# Keystone reads the command line, too, when its application is made.
sys.argv[1:] = []

from keystone.server.wsgi import initialize_public_application  # noqa: E402

waitress.serve(initialize_public_application(), listen=address, threads=4, _quiet=True)
