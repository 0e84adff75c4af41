"""A Python that has imported what a build imports, and is forked off for each that asks.

Starting Sphinx and pytest takes two to three seconds of each check, importing what never changes.
A folder of commands stands in for that of the environment: all are links to it but `python`, which
has the server run its arguments in a fork, with its own environment, folder and streams. What it
does not know how to run so, it leaves to the environment's Python.
"""

import contextlib
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent


@contextlib.contextmanager
def warm_python(folder: Path) -> Iterator[Path]:
    """Yield a folder of commands whose `python` starts fast.

    Args:
        folder: an empty folder, whose path is short enough for a socket.
    """
    commands, address = folder / "bin", folder / "server"
    commands.mkdir()
    for command in Path(sysconfig.get_path("scripts")).iterdir():
        if command.name != "python":
            (commands / command.name).symlink_to(command)
    python = commands / "python"
    python.write_text(f"#!{sys.executable} -IS\n{(HERE / 'client.py').read_text()}")
    python.chmod(0o755)
    server = subprocess.Popen([sys.executable, HERE / "server.py", address, python])
    try:
        while not address.exists():
            assert server.poll() is None, "the server has ended"
            time.sleep(0.01)
        yield commands
    finally:
        server.terminate()
        server.wait()
