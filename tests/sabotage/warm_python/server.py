"""The server: `python server.py ADDRESS PYTHON`; see `__init__.py`."""

import contextlib
import importlib
import os
import runpy
import signal
import socket
import sys
import traceback
from pathlib import Path

from _pytest.config import default_plugins, essential_plugins
from sphinx.application import builtin_extensions

LIBRARIES = (
    "coverage.sqldata",
    "furo",
    "jubilant",
    "myst_parser.parsers.sphinx_",
    "myst_parser.sphinx_ext.main",
    "notfound.extension",
    "ops.testing",
    "pygments.lexers.python",
    "pygments.lexers.shell",
    "pytest",
    "pytest_cov.engine",
    "pytest_sphinx",
    "slipcover",
    "sphinx.builders.dirhtml",
    "sphinx.cmd.build",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design.extension",
    "sphinx_reredirects",
    "unittest.mock",
)


def serve(address: str, python: str) -> None:
    """Import the libraries, and answer for ever."""
    plugins = [f"_pytest.{name}" for name in (*essential_plugins, *default_plugins)]
    for library in (*LIBRARIES, *builtin_extensions, *plugins):
        importlib.import_module(library)
    sys.executable = python
    listening = socket.socket(socket.AF_UNIX)
    # It is found when it can be connected to.
    listening.bind(f"{address}.new")
    listening.listen()
    Path(f"{address}.new").rename(address)
    # Whoever is forked off is not waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listening.accept()
        if not os.fork():
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            answer(connection)
        connection.close()


def answer(connection: socket.socket) -> None:
    """Run what is asked for in a fork of its own, and tell how it ended."""
    size, streams, _, _ = socket.recv_fds(connection, 8, 3)
    message = b""
    while len(message) < int.from_bytes(size, "big"):
        message += connection.recv(2**20)
    folder, count, *words = message.decode(errors="surrogateescape").split("\0")
    arguments, environment = words[: int(count)], words[int(count) :]
    child = os.fork()
    if not child:
        connection.close()
        for stream, descriptor in enumerate(streams):
            os.dup2(descriptor, stream)
            os.close(descriptor)
        # As Python ends: with what is to be done at its end.
        sys.exit(run(folder, arguments, dict(each.split("=", 1) for each in environment)))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    # Whoever asked may have been ended by now.
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def run(folder: str, arguments: list[str], environment: dict[str, str]) -> int:
    """Do what Python does with its arguments; return the exit status."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    kind, what, *sys.argv[1:] = arguments
    sys.path[0] = "" if kind == "-c" else folder
    sys.path[1:1] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.pycache_prefix = environment.get("PYTHONPYCACHEPREFIX")
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    status: object = 0
    try:
        if kind == "-c":
            sys.argv[0] = "-c"
            exec(what, {"__name__": "__main__"})
        else:
            runpy.run_module(what, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code
        if isinstance(status, str):
            print(status, file=sys.stderr)
    except BaseException:
        status = 1
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return status if isinstance(status, int) else bool(status)


if __name__ == "__main__":
    serve(*sys.argv[1:])
