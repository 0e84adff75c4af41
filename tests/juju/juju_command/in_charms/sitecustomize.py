"""Python imports this before a charm, which then finds its containers' Pebble in the stand-in.

A charm looks for Pebble in `/charm/containers`, which no test may write.
"""

import functools
import os
import urllib.request
from pathlib import Path

import ops.pebble


class Client(ops.pebble.Client):
    """A client of the Pebble whose socket would be at a path."""

    def __init__(self, socket_path: str):
        address = f"{os.environ['JUJU_COMMAND_PEBBLE']}/{Path(socket_path).parent.name}"
        without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        super().__init__(socket_path, opener=without_proxy, base_url=address)


ops.pebble.Client = functools.wraps(ops.pebble.Client, updated=())(Client)
