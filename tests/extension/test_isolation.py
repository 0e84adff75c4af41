"""What is done in a fork neither hangs nor ends the process that waits, nor changes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

import pytest
from evergreen.group import Code, Group, Step
from evergreen.isolation import Ending, Tell, isolate
from evergreen.manifest import Manifest, PageTests

pytest_plugins = ["pytester"]

PAGE = "pages/x.md"


def sleep(tell: Tell) -> None:
    tell("before")
    time.sleep(60)
    tell("after")


def test_what_was_told_arrives():
    changed: list[int] = []

    def action(tell: Tell) -> None:
        changed.append(1)
        tell({"é": 1})
        tell("long" * 100_000)

    assert isolate(action, 60) == Ending(({"é": 1}, "long" * 100_000), is_late=False)
    assert changed == []


def test_what_takes_too_long_is_ended():
    before = time.monotonic()
    assert isolate(sleep, 0.2) == Ending(("before",), is_late=True)
    assert time.monotonic() - before < 30


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGALRM])
def test_what_heeds_no_signal_is_ended(number: signal.Signals):
    def action(tell: Tell) -> None:
        signal.signal(number, signal.SIG_IGN)
        tell("deaf")
        os.kill(os.getpid(), number)
        sleep(tell)

    assert isolate(action, 0.2) == Ending(("deaf", "before"), is_late=True)


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_what_ends_its_process_ends_no_other(end: str):
    def action(tell: Tell) -> None:
        tell("before")
        exec(end)
        tell("after")

    assert isolate(action, 60) == Ending(("before",), is_late=False)


def test_what_raises_says_so(capfd: pytest.CaptureFixture[str]):
    def action(tell: Tell) -> None:
        raise ValueError("no such thing")

    assert isolate(action, 60) == Ending((), is_late=False)
    assert "ValueError: no such thing" in capfd.readouterr().err


def test_what_is_printed_is_printed_once():
    script = (
        "from evergreen.isolation import isolate\n"
        "print('before')\n"
        "isolate(lambda tell: print('within'), 60)\n"
        "print('after')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": ""},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("before\nwithin\nafter\n", "")


def test_what_is_started_ends_too(tmp_path: Path):
    started = tmp_path / "started"
    script = f"import time; time.sleep(1); open({str(started)!r}, 'w')"
    isolate(lambda tell: tell(subprocess.Popen([sys.executable, "-c", script]).pid), 60)
    time.sleep(2)
    assert not started.exists()


def test_an_interrupted_wait_ends_what_it_waits_for(tmp_path: Path):
    note = tmp_path / "pid"

    def action(tell: Tell) -> None:
        note.write_text(str(os.getpid()))
        # By then it is waited for, however busy the machine.
        time.sleep(0.5)
        os.kill(os.getppid(), signal.SIGALRM)
        sleep(tell)

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            isolate(action, 60)
    finally:
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


# Groups of blocks.

STATE = """\
import builtins, decimal, locale, logging, os, signal, sys, tempfile, threading, time, warnings
from pathlib import Path

import mixed
from evergreen.library import libraries_besides

CHANGED = ("HOME", "TMPDIR", "PYTEST_CURRENT_TEST")

def state():
    mask = os.umask(0)
    os.umask(mask)
    return [
        {name: value for name, value in os.environ.items() if name not in CHANGED},
        os.getcwd() == os.environ["HOME"] == tempfile.gettempdir(), os.listdir(),
        list(sys.path), sorted(sys.modules.keys() - libraries_besides([])), mask,
        locale.setlocale(locale.LC_ALL), list(warnings.filters), logging.root.level,
        decimal.getcontext().prec, signal.getsignal(signal.SIGINT), sys.getrecursionlimit(),
        time.tzname, mixed.NAME, threading.active_count(), os.path.exists("/dev/null"),
        hasattr(builtins, "left"), sys.stdin is None,
    ]
"""
CHANGE = """\
os.environ["LEFT"] = "here"
del os.environ["PATH"]
Path("left-here").touch()
tempfile.mkstemp()
os.chdir("/")
sys.path.insert(0, "/left")
sys.modules["left"] = mixed
os.umask(0o077)
locale.setlocale(locale.LC_ALL, "C")
warnings.simplefilter("ignore")
logging.root.setLevel("DEBUG")
decimal.getcontext().prec = 3
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.setrecursionlimit(10_000)
os.environ["TZ"] = "Asia/Tokyo"
time.tzset()
mixed.NAME = "other"
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
os.path.exists = lambda _: False
builtins.left = True
sys.stdin = None
"""


@pytest.fixture
def run_groups(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Return a function that runs groups, each of a block before which the same one is set up."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name, text in {
        "pyproject.toml": '[tool.pytest]\naddopts = ["-p", "evergreen.pytest_plugin"]\n',
        "examples/one/pyproject.toml": '[tool.pytest]\npythonpath = ["src"]\n',
        "examples/one/src/mixed.py": "NAME = 'one'\n",
        PAGE: "",
        "state/none": "",
    }.items():
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_groups(setup: str, blocks: Mapping[str, str]) -> pytest.RunResult:
        groups = tuple(
            Group(PAGE, name, "one", (Code(PAGE, 1, setup),), (Step(Code(PAGE, 40, block)),), ())
            for name, block in blocks.items()
        )
        Manifest({PAGE: PageTests(groups, (), "one")}).write(Path("manifest.json"))
        options = ["-p", "no:cacheprovider", "--evergreen-manifest", "manifest.json", "pages"]
        return pytester.runpytest_inprocess(*options)

    return run_groups


def test_no_group_meets_what_another_one_has_changed(
    pytester: pytest.Pytester, run_groups: Callable[..., pytest.RunResult]
):
    """The second of three groups changes all; the first and the last find the same."""
    blocks = {
        name: f"{change}Path({str(pytester.path / 'state' / name)!r}).write_text(repr(state()))"
        for name, change in {"first": "", "second": CHANGE, "third": ""}.items()
    }
    files = {*pytester.path.iterdir(), pytester.path / "manifest.json"}
    run_groups(STATE, blocks).assert_outcomes(passed=3)
    first, second, third = ((pytester.path / "state" / name).read_text() for name in blocks)
    assert first == third
    assert first != second
    assert set(pytester.path.iterdir()) == files


def test_a_library_that_a_group_has_imported_is_there_for_the_next(
    run_groups: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
):
    """What is not installed, or was put there by hand, is not; nor is what a group has failed."""
    libraries = ("wsgiref.headers", "colorsys", "sched")
    for name in (*libraries, "wsgiref"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    first = """\
import mixed, own, wsgiref.headers
sys.modules["sched"] = ModuleType("sched")
import colorsys
1 / 0
"""
    setup = f"""\
import sys
from pathlib import Path
from types import ModuleType

Path("own.py").touch()
sys.path.insert(0, ".")
there = {{name for name in {(*libraries, "mixed", "own")!r} if name in sys.modules}}
"""
    second = 'assert there == {"wsgiref.headers", "colorsys"}, there\nimport mixed, own'
    done = run_groups(setup, {"first": first, "second": second, "third": second})
    done.assert_outcomes(failed=1, passed=2)
