"""A Python that starts warm does what Python does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from evergreen.warm_python import warm_python

SCRIPT = """\
import atexit, os, sys, threading, warnings
from pathlib import Path

import beside

print(__name__, __file__, sys.argv, Path.cwd(), sys.stdin.read(), sys.pycache_prefix)
print(sys.path, os.environ.get("NAME"))
warnings.warn("deprecated", DeprecationWarning, stacklevel=1)
atexit.register(print, "at the end")
threading.Timer(0.05, print, ["before"]).start()
what = sys.argv[1]
if what == "raise":
    raise ValueError("wrong")
if what == "kill":
    sys.stdout.flush()
    os.kill(os.getpid(), 9)
if what == "say":
    sys.exit("said")
if what == "number":
    sys.exit(7)
"""
ASK = "import sys; print(sys.executable)"


@pytest.fixture(scope="module")
def pythons(fast_python: None) -> Iterator[tuple[str, str]]:
    """Yield the environment's Python, and a warm one."""
    usual = str(Path(sys.prefix, "bin", "python"))
    with tempfile.TemporaryDirectory() as folder, warm_python(Path(folder), ["json"]) as warm:
        while not Path(folder, "server").exists():
            time.sleep(0.01)
        yield usual, str(warm)


@pytest.fixture
def environment() -> dict[str, str]:
    """Return an environment in which nothing is set that a warm Python leaves to another."""
    names = [name for name in os.environ if not name.startswith(("PYTHON", "COVERAGE_"))]
    return {name: os.environ[name] for name in names}


@pytest.mark.parametrize(
    "arguments",
    [
        ["folder/script.py", "nothing"],
        ["-W", "ignore", "-W", "error:x", "folder/script.py", "number", "more"],
        ["folder/script.py", "raise"],
        ["folder/script.py", "kill"],
        ["folder/script.py", "say"],
        ["-m", "script", "nothing"],
        ["-m", "script", "raise"],
        ["-c", SCRIPT.replace("__file__", "'no file'"), "number"],
    ],
    ids=" ".join,
)
def test_it_does_the_same(
    pythons: tuple[str, str], environment: dict[str, str], tmp_path: Path, arguments: list[str]
):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "script.py").write_text(SCRIPT)
    (folder / "beside.py").touch()
    environment |= {"PYTHONPATH": "folder", "PYTHONDONTWRITEBYTECODE": "1", "NAME": "é"}
    usual, warm = (
        subprocess.run(
            [python, *arguments],
            cwd=tmp_path,
            env=environment,
            input="piped",
            capture_output=True,
            text=True,
        )
        for python in pythons
    )
    assert warm.stdout == usual.stdout
    assert warm.returncode == usual.returncode
    # Where Python has run the module from is not said in the same words.
    assert warm.stderr.splitlines()[-1:] == usual.stderr.splitlines()[-1:]
    if arguments[0] != "-m":
        assert warm.stderr == usual.stderr


@pytest.mark.parametrize("is_module", [True, False])
def test_it_knows_who_it_is(
    pythons: tuple[str, str], environment: dict[str, str], tmp_path: Path, is_module: bool
):
    (tmp_path / "ask.py").write_text(ASK)
    arguments = ["-m", "ask"] if is_module else ["ask.py"]
    _, warm = pythons
    printed = subprocess.check_output([warm, *arguments], cwd=tmp_path, env=environment, text=True)
    assert printed == f"{warm}\n"


@pytest.mark.parametrize(
    ("arguments", "variables", "special"),
    [
        (["-I", "ask.py"], {}, {}),
        (["ask.py"], {"PYTHONHASHSEED": "0"}, {}),
        (["ask.py"], {}, {"start_new_session": True}),
        (["ask.py"], {}, {"close_fds": False}),
    ],
)
def test_what_it_cannot_run_so_it_leaves_to_the_usual_python(
    pythons: tuple[str, str],
    environment: dict[str, str],
    tmp_path: Path,
    arguments: list[str],
    variables: dict[str, str],
    special: dict[str, Any],
):
    (tmp_path / "ask.py").write_text(ASK)
    _, warm = pythons
    # A file that is not closed before a program starts.
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)
    printed = subprocess.check_output(
        [warm, *arguments],
        cwd=tmp_path,
        env={**environment, **variables},
        text=True,
        **special,
    )
    os.close(reading)
    os.close(writing)
    assert printed.strip() not in ("", warm)


def test_it_ends_with_its_process_group(
    pythons: tuple[str, str], environment: dict[str, str], tmp_path: Path
):
    (tmp_path / "ask.py").write_text("import os\nprint(os.getpgrp())\n")
    _, warm = pythons
    with subprocess.Popen(
        [warm, "ask.py"],
        cwd=tmp_path,
        env=environment,
        process_group=0,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.communicate() == (f"{process.pid}\n", None)


def test_until_the_server_answers_the_usual_python_does(
    environment: dict[str, str], tmp_path: Path
):
    (tmp_path / "ask.py").write_text(ASK)
    with warm_python(tmp_path, ["json"]) as warm:
        text = warm.read_text().replace(f"{tmp_path}/server", f"{tmp_path}/none")
        warm.write_text(text)
        printed = subprocess.check_output([warm, tmp_path / "ask.py"], env=environment, text=True)
        assert (warm.parent / "pytest").exists()
    assert printed.strip() not in ("", str(warm))


@pytest.mark.parametrize("message", [b"", (9).to_bytes(8, "big") + b"too"], ids=["", "half"])
def test_a_client_that_is_ended_before_it_has_asked_keeps_nobody_waiting(
    pythons: tuple[str, str], message: bytes
):
    _, warm = pythons
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(Path(warm).parents[1] / "server"))
        client.sendall(message)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""


def test_what_a_client_stands_for_ends_with_it(
    pythons: tuple[str, str], environment: dict[str, str], tmp_path: Path
):
    (tmp_path / "wait.py").write_text("import sys\nprint('there', flush=True)\nsys.stdin.read()\n")
    _, warm = pythons
    with subprocess.Popen(
        [warm, "wait.py"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        process.kill()
        # It is at its end when nobody has it open any more.
        assert process.stdout.read() == b""


def test_a_client_fails_when_its_server_ends(environment: dict[str, str], tmp_path: Path):
    with warm_python(tmp_path, ["json"]) as warm, socket.socket(socket.AF_UNIX) as server:
        warm.write_text(warm.read_text().replace(f"{tmp_path}/server", f"{tmp_path}/other"))
        server.bind(f"{tmp_path}/other")
        server.listen()
        with subprocess.Popen(
            [warm, "ask.py"], env=environment, stderr=subprocess.PIPE, text=True
        ) as client:
            server.accept()[0].close()
            _, said = client.communicate()
    assert client.returncode != 0
    assert said
