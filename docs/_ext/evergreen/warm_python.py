"""A warm Python: one that is forked off another, which has imported what takes long.

A block or a test may start Python, and does so again for each of its mutants. Most of that time
goes to imports that never change. A server has done them; see `warm_server`. A client stands in
for `python`, and has the server run its arguments in a fork, with its own environment, folder,
streams and process group. What it does not know how to run so, it leaves to Python itself.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

# It is to start fast: it imports little.
_CLIENT = """\
#!{python} -IS
import array, os, sys
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET, socket

words = sys.argv[1:]
while words[:1] == ["-W"]:
    words = words[2:]
known = ("DONTWRITEBYTECODE", "PATH", "PYCACHEPREFIX", "UNBUFFERED")
names = {{name for name in os.environ if name.startswith(("PYTHON", "COVERAGE_"))}}
foreign = names.difference(f"PYTHON{{name}}" for name in known)
files = os.listdir("/dev/fd")
server = socket(AF_UNIX, SOCK_STREAM)
try:
    if not words or words[0] not in ("-c", "-m") and words[0].startswith("-") or foreign:
        raise OSError("it is something else than a script, a module or a text of code")
    if len(files) > 4:
        raise OSError("it has been given more files than its streams")
    if os.getsid(0) != {session}:
        raise OSError("it could not be ended with its process group")
    server.connect({address!r})
except OSError:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
environment = [f"{{name}}={{value}}" for name, value in os.environ.items()]
texts = [os.getcwd(), str(os.getpgrp()), str(len(sys.argv) - 1), *sys.argv[1:], *environment]
message = "\\0".join(texts).encode(errors="surrogateescape")
streams = array.array("i", [0, 1, 2])
server.sendmsg([len(message).to_bytes(8, "big")], [(SOL_SOCKET, SCM_RIGHTS, streams)])
server.sendall(message)
answer = server.recv(2)
if not answer:
    sys.exit("the server of the warm Python has ended")
code = int.from_bytes(answer, "big", signed=True)
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
"""


@contextlib.contextmanager
def warm_python(folder: Path, libraries: Iterable[str]) -> Iterator[Path]:
    """Yield what starts Python warm, among links to all other commands of the environment.

    Until the server has imported all, it starts as usual.

    Args:
        folder: a folder for it, whose path is short enough for a socket.
        libraries: the modules that are imported already.
    """
    python, address = sys.executable, folder / "server"
    commands = folder / "bin"
    commands.mkdir()
    for command in Path(sysconfig.get_path("scripts")).iterdir():
        if command.name != "python":
            (commands / command.name).symlink_to(command)
    client = commands / "python"
    client.write_text(
        _CLIENT.format(python=python, session=os.getsid(0), address=str(address)), encoding="utf-8"
    )
    client.chmod(0o755)
    others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    # It ends when its input does: when this process and all its forks have.
    with subprocess.Popen(
        [python, Path(__file__).with_name("warm_server.py"), address, client, *libraries],
        stdin=subprocess.PIPE,
        env=others,
    ):
        yield client
