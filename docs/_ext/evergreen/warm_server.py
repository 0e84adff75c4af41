"""The server of a warm Python: `python warm_server.py ADDRESS CLIENT LIBRARY ...`.

It is a program of its own that imports nothing of this package; see `warm_python`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import runpy
import select
import signal
import socket
import sys
import threading
import types
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn


def _serve(address: str, client: str, libraries: Sequence[str]) -> None:
    # The folder of this program, which is no concern of those that it runs.
    del sys.path[0]
    config = importlib.import_module("_pytest.config")
    plugins = [f"_pytest.{name}" for name in (*config.essential_plugins, *config.default_plugins)]
    with warnings.catch_warnings():
        for library in (*plugins, *libraries):
            importlib.import_module(library)
    sys.executable = client
    # Else each fork would write to what it shares with this process, to look for garbage.
    gc.freeze()
    # Whoever is forked off is not waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(16)
        while listening in select.select([listening, sys.stdin], [], [])[0]:
            connection, _ = listening.accept()
            if not os.fork():
                listening.close()
                _answer(connection)
            connection.close()


def _answer(connection: socket.socket) -> NoReturn:
    """Run what is asked for in a fork of its own, and tell how it ended."""
    size, streams, _, _ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as stream:
        message = stream.read(int.from_bytes(size, "big"))
    if not message or len(message) < int.from_bytes(size, "big"):
        # The client has been ended.
        os._exit(0)
    folder, process_group, count, *words = message.decode(errors="surrogateescape").split("\0")
    signal.signal(signal.SIGCHLD, lambda *_: None)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    child = os.fork()
    if not child:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in (connection.detach(), reading, writing):
            os.close(descriptor)
        os.setpgid(0, int(process_group))
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(dict(each.split("=", 1) for each in words[int(count) :]))
        _run(words[: int(count)])
    if connection in select.select([connection, reading], [], [])[0]:
        # The client has been ended, and what it stands for ends with it.
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(2, "big", signed=True))
    os._exit(0)


def _run(arguments: Sequence[str]) -> None:
    """Do what Python does with its arguments, and end this process as it does.

    It does not return.
    """
    while arguments[0] == "-W":
        warnings._processoptions([arguments[1]])  # type: ignore[attr-defined]
        arguments = arguments[2:]
    kind = arguments[0] if arguments[0] in ("-c", "-m") else ""
    what, *others = arguments[bool(kind) :]
    sys.argv = ["-c" if kind == "-c" else what, *others]
    first = "" if kind == "-c" else str(Path.cwd() if kind else Path(what).resolve().parent)
    folders = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:0] = [first, *(str(Path(folder).absolute()) for folder in folders)]
    sys.pycache_prefix = os.environ.get("PYTHONPYCACHEPREFIX")
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in os.environ
    # So it is without a buffer for whoever asks for that, and waits for it.
    sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    status: object = 0
    try:
        if kind == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            main = types.ModuleType("__main__")
            sys.modules["__main__"] = main
            name, text = "<string>", what.encode()
            if not kind:
                main.__file__ = name = str(Path(what).absolute())
                text = Path(what).read_bytes()
            exec(compile(text, name, "exec", dont_inherit=True), main.__dict__)
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


_serve(sys.argv[1], sys.argv[2], sys.argv[3:])
