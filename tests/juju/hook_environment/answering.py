"""Commands that are answered by a function of this process, for as long as they are wanted."""

import contextlib
import functools
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

# Sends name, arguments and what is piped into the file "-", and prints the answer; each text ends
# with NUL. A hook runs several commands, and Python takes five times as long to start.
_CLIENT = r"""
if [[ " $* " == *" --file "* ]]; then IFS= read -r -d "" piped; fi
exec 3<>"/dev/tcp/${JUJU_AGENT_SOCKET_ADDRESS/://}"
printf "%s\0" $(($# + 3)) "${0##*/}" "$@" "$piped" >&3
IFS= read -r -d "" status <&3
IFS= read -r -d "" output <&3
IFS= read -r -d "" error <&3
printf "%s" "$output"
printf "%s" "$error" >&2
exit "$status"
"""
Answer = Callable[[str, list[str], str], tuple[int, str, str]]
"""Takes a command's name, its arguments and what is piped into it; returns its exit status, and
what it prints to stdout and stderr."""


def ask(name: str, arguments: Sequence[str], piped: str) -> tuple[int, str, str]:
    """Run a command that this process's environment has, as Bash does, from Python.

    Args:
        name: the command's name.
        arguments: its arguments.
        piped: what is piped into the file "-".

    Returns:
        Its exit status, and what it prints to stdout and stderr.
    """
    host, port = os.environ["JUJU_AGENT_SOCKET_ADDRESS"].split(":")
    texts = [str(len(arguments) + 3), name, *arguments, piped]
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"".join(os.fsencode(text) + b"\0" for text in texts))
        answered = b"".join(iter(functools.partial(connection.recv, 65536), b""))
    status, output, error, _ = answered.decode().split("\0")
    return int(status), output, error


@contextlib.contextmanager
def answering(names: Iterable[str], answer: Answer) -> Iterator[dict[str, str]]:
    """Answer commands, one at a time; yield what a process needs in its environment to find them.

    The commands are links to one script. Each connection is one command; one that carries nothing
    ends it all. The socket is one of the network, for which Bash needs no other program.
    """
    with (
        tempfile.TemporaryDirectory(prefix="juju-") as folder,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        script = Path(folder, "command")
        script.write_text(f"#!{shutil.which('bash')}{_CLIENT}")
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
        with connection, contextlib.suppress(ConnectionError):  # the command may be killed
            request = _receive(connection)
            if not request:
                return
            if request[-1]:  # it has been killed half way
                continue
            _, name, *arguments, piped, _ = request
            answered = "".join(f"{part}\0" for part in answer(name, arguments, piped))
            connection.sendall(answered.encode())


def _receive(connection: socket.socket) -> list[str]:
    """Return all texts of a command and an empty one, or fewer if it has ended before."""
    request = b""
    while not request or request.count(b"\0") < int(request.partition(b"\0")[0]):
        part = connection.recv(65536)
        if not part:
            break
        request += part
    return list(map(os.fsdecode, request.split(b"\0"))) if request else []
