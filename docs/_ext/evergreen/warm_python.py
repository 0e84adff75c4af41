"""A warm Python: one that is forked off another, which has imported what takes long.

A block or a test may start Python, and does so again for each of its mutants. Most of that time
goes to imports that never change. A server has done them: this module, run as a program. A client
takes the place of `sys.executable`, and has the server run its arguments in a fork, with its own
environment, folder, streams and process group. What it does not know how to run so, it leaves to
the environment's Python.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import types
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from _pytest.config import default_plugins, essential_plugins

from evergreen.example import environment_for_extension

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
server = socket(AF_UNIX, SOCK_STREAM)
try:
    if not words or words[0] != "-m" and words[0].startswith("-") or foreign:
        raise OSError("it is something else than a script or a module")
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
code = int.from_bytes(server.recv(2), "big", signed=True)
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
"""


@contextlib.contextmanager
def warm_python(folder: Path, libraries: Iterable[str]) -> Iterator[None]:
    """Have `sys.executable` start warm, for as long as this is wanted.

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
    # It ends when its input does: when this process and all its forks have.
    with subprocess.Popen(
        [python, "-m", __name__, address, client, *libraries],
        stdin=subprocess.PIPE,
        env={**os.environ, **environment_for_extension()},
    ):
        sys.executable = str(client)
        try:
            yield
        finally:
            sys.executable = python


def _serve(address: str, client: str, libraries: Sequence[str]) -> None:
    plugins = [f"_pytest.{name}" for name in (*essential_plugins, *default_plugins)]
    with warnings.catch_warnings():
        for library in (*plugins, *libraries):
            importlib.import_module(library)
    sys.executable = client
    # It is there for this module alone.
    sys.path[:] = [folder for folder in sys.path if folder != str(Path(__file__).parents[1])]
    # Whoever is forked off is not waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(16)
        while listening in select.select([listening, sys.stdin], [], [])[0]:
            connection, _ = listening.accept()
            if not os.fork():
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _answer(connection)
            connection.close()


def _answer(connection: socket.socket) -> NoReturn:
    """Run what is asked for in a fork of its own, and tell how it ended."""
    size, streams, _, _ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as stream:
        message = stream.read(int.from_bytes(size, "big"))
    if not message:
        # The client has been ended.
        os._exit(0)
    texts = message.decode(errors="surrogateescape").split("\0")
    folder, process_group, count, *words = texts
    child = os.fork()
    if not child:
        connection.close()
        os.setpgid(0, int(process_group))
        for stream, descriptor in enumerate(streams):
            os.dup2(descriptor, stream)
            os.close(descriptor)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(dict(each.split("=", 1) for each in words[int(count) :]))
        _run(words[: int(count)])
    _, status = os.waitpid(child, 0)
    connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(2, "big", signed=True))
    os._exit(0)


def _run(arguments: Sequence[str]) -> None:
    """Do what Python does with its arguments, and end this process as it does."""
    while arguments[0] == "-W":
        warnings._processoptions([arguments[1]])  # type: ignore[attr-defined]
        arguments = arguments[2:]
    is_module = arguments[0] == "-m"
    name, *others = arguments[is_module:]
    sys.argv = [name, *others]
    sys.path[0] = str(Path.cwd() if is_module else Path(name).resolve().parent)
    folders = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[1:1] = [str(Path(folder).absolute()) for folder in folders]
    sys.pycache_prefix = os.environ.get("PYTHONPYCACHEPREFIX")
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in os.environ
    # So it is without a buffer for whoever asks for that, and waits for it.
    sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    status: object = 0
    try:
        if is_module:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        else:
            main = types.ModuleType("__main__")
            main.__file__ = str(Path(name).absolute())
            sys.modules["__main__"] = main
            code = compile(Path(name).read_bytes(), main.__file__, "exec", dont_inherit=True)
            exec(code, main.__dict__)
    except SystemExit as end:
        status = end.code
        if isinstance(status, str):
            print(status, file=sys.stderr)
    except BaseException as error:
        # The first frame is this function's.
        trace = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        status = 1
    # All but to free what the server has imported: that takes longer than most programs.
    with contextlib.ExitStack() as last:
        last.callback(os._exit, status if isinstance(status, int) else bool(status))
        last.callback(sys.stderr.flush)
        last.callback(sys.stdout.flush)
        last.callback(atexit._run_exitfuncs)
        last.callback(threading._shutdown)  # type: ignore[attr-defined]


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], sys.argv[3:])
