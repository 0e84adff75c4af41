"""A charm without ops, so that it starts fast: it says what it was told."""

import json
import os
import subprocess
import sys
from typing import Any


def run(*command: str) -> str:
    """Run a hook command, and return what it prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def read(*command: str) -> dict[str, Any]:
    return json.loads(run(*command, "--format=json"))


def on_hook(name: str) -> None:
    run("juju-log", f"running {name}")
    config = read("config-get")
    if name == "config-changed" and config["times"] < 0:
        sys.exit("it failed")
    if name == "peers-relation-created":
        run(
            "relation-set",
            "-r",
            os.environ["JUJU_RELATION_ID"],
            f"is={os.environ['JUJU_UNIT_NAME']}",
        )
    if name != "install":
        run("status-set", "active", " ".join([config["greeting"]] * config["times"]))


def on_action(name: str) -> None:
    match name:
        case "greet":
            who = read("action-get")["name"]
            run("action-log", f"greeting {who}")
            print(f"hello {who}")
            run("action-set", f"who={who}", "in.a.map=1")
        case "refuse":
            run("action-fail", "nobody is here")
        case "crash":
            sys.exit("it crashed")


if hook := os.environ["JUJU_HOOK_NAME"]:
    on_hook(hook)
else:
    on_action(os.environ["JUJU_ACTION_NAME"])
