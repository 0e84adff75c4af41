"""Commands that are answered by a function of this process, for as long as they are wanted."""

import contextlib
import os
import shlex
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

_CLIENT = Path(__file__).with_name("hook_command.py")
Answer = Callable[[str, list[str], str], tuple[int, str, str]]
"""Takes a command's name, its arguments and what is piped into it; returns its exit status, and
what it prints to stdout and stderr."""


@contextlib.contextmanager
def answering(names: Iterable[str], answer: Answer) -> Iterator[dict[str, str]]:
    """Answer commands, one at a time; yield what a process needs in its environment to find them.

    The commands are links to one script. Each connection is one command, and carries its
    arguments; one that carries nothing ends it all. The socket is one of the network: the path of
    another kind may have 100 characters only, and a temporary folder's can be longer.
    """
    with (
        tempfile.TemporaryDirectory(prefix="juju-") as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        script = Path(folder, "hook-command")
        client = shlex.join([sys.executable, "-I", "-S", str(_CLIENT)])
        script.write_text(f'#!/bin/sh\nexec {client} "${{0##*/}}" "$@"\n')
        script.chmod(0o755)
        for name in names:
            Path(folder, name).symlink_to(script)
        host, port = listener.getsockname()
        thread = threading.Thread(target=_answer_all, args=(listener, answer))
        thread.start()
        try:
            yield {
                "PATH": folder,
                "JUJU_AGENT_SOCKET_NETWORK": "tcp",
                "JUJU_AGENT_SOCKET_ADDRESS": f"{host}:{port}",
            }
        finally:
            socket.create_connection((host, port)).close()
            thread.join()


def _answer_all(listener: socket.socket, answer: Answer) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            with connection.makefile("rb") as incoming:
                request = incoming.read()
            if not request:
                return
            name, *arguments, piped = (os.fsdecode(part) for part in request.split(b"\0"))
            status, output, error = answer(name, arguments, piped)
            with contextlib.suppress(ConnectionError):  # the command has been killed
                connection.sendall(f"{status}\0{output}\0{error}".encode())
