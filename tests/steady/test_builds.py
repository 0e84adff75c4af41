"""A build needs nothing but the project, leaves nothing behind, and is the same each time."""

import filecmp
import functools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from copied_project import BIN, BYTECODE, NOT_COPIED, ROOT

SITE = ROOT / "_build/html"
PROOF = "tests/proofs/test_tools.py"
MAKE = ("make", "--no-print-directory", f"BIN={BIN}", f"PYTHONPYCACHEPREFIX={BYTECODE}", "html")
MOMENTS = 6

# In namespaces of its own a process may mount file systems, and has no network but itself.
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "--net", "bash", "-euc")
LOOPBACK = """\
import fcntl, socket, struct

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))
"""
ALONE = """
for each in "$PWD" "$TMPDIR" "$HOME"; do mount --bind "$each" "$each"; done
mount -o remount,bind,ro /
mount -o remount,bind,ro "$HOME"
cd "$PWD"
if touch "$HOME/x" 2>/dev/null; then exit 99; fi
exec "$@"
"""
NO_ROOM_FOR_TEMPORARY_FILES = """
mount -t tmpfs -o size=4k tmpfs "$TMPDIR"
exec "$@"
"""
NO_ROOM_FOR_THE_SITE = """
cp -R _build/doctrees "$TMPDIR"
mount -t tmpfs -o size="$SIZE" tmpfs _build
mv "$TMPDIR/doctrees" _build
status=0
"$@" || status=$?
test ! -e _build/html
exit $status
"""


class Copy:
    """A copy of the project in a path with spaces, with a home and a place for temporary files."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "a path with spaces" / "the project"
        self.home = folder / "home"
        self.temporary = folder / "temporary"
        shutil.copytree(ROOT, self.project, ignore=NOT_COPIED)
        (self.project / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
        self.home.mkdir()
        self.temporary.mkdir()
        self.site = self.project / "_build/html"
        self.first = folder / "first"
        self.left: list[Path] = []

    def start(self, *prefix: str, **environment: str) -> subprocess.Popen[str]:
        """Start `make html`, after a prefix, with variables of the environment by keyword."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            # Of make and pytest that run this very test.
            if not name.startswith(("MAKE", "MFLAGS", "PYTEST_"))
        }
        own = {"HOME": str(self.home), "TMPDIR": str(self.temporary)}
        return subprocess.Popen(
            [*prefix, *MAKE],
            cwd=self.project,
            env={**inherited, **own, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A pytest in the background may ignore SIGINT, and its children would inherit that.
            preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )

    def build(self, *prefix: str, **environment: str) -> tuple[int, str]:
        """Run `make html` to its end; return its exit status and what it printed."""
        process = self.start(*prefix, **environment)
        printed, _ = process.communicate()
        return process.returncode, printed

    def build_in(self, script: str, **environment: str) -> tuple[int, str]:
        """Run `make html` from a script that runs in namespaces of its own."""
        begin = f'"{BIN}/python" -c "$LOOPBACK"'
        return self.build(*UNSHARE, begin + script, "bash", LOOPBACK=LOOPBACK, **environment)

    def files(self) -> set[str]:
        """Return the names of all files but those that a build makes."""
        built = self.project / "_build"
        return {str(path) for path in self.project.rglob("*") if not path.is_relative_to(built)}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """Yield a copy in which nothing is built."""
    folder = tmp_path_factory.mktemp("steady")
    yield Copy(folder)
    shutil.rmtree(BYTECODE / folder.relative_to(folder.anchor), ignore_errors=True)


@pytest.fixture(scope="module")
def built(copy: Copy) -> Copy:
    """Return the copy, built; if possible without a network, and with a disk that is read-only."""
    before = copy.files()
    # Another order of hashes than in the build that this one is compared with.
    build = functools.partial(copy.build_in, ALONE) if may_unshare() else copy.build
    status, printed = build(PYTHONHASHSEED="1")
    assert status == 0, printed
    assert copy.files() == before
    copy.left = [*copy.home.iterdir(), *copy.temporary.iterdir()]
    shutil.copytree(copy.site, copy.first)
    return copy


@functools.cache
def may_unshare() -> bool:
    """Tell whether this machine gives processes namespaces of their own."""
    if shutil.which("unshare") is None:
        return False
    done = subprocess.run([*UNSHARE, "mount -t tmpfs tmpfs /tmp"], stderr=subprocess.DEVNULL)
    return done.returncode == 0


needs_namespaces = pytest.mark.skipif(
    not may_unshare(), reason="this machine gives processes no namespaces of their own"
)


def differences(one: Path, other: Path) -> list[str]:
    """Return the names of the files that only one folder has, or that differ."""
    files, others = (
        {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        for folder in (one, other)
    )
    _, different, errors = filecmp.cmpfiles(one, other, files & others, shallow=False)
    return sorted([*(files ^ others), *different, *errors])


def test_a_build_leaves_nothing_elsewhere(built: Copy):
    assert built.left == []


def test_two_builds_are_the_same(built: Copy):
    """One in another folder, with other hashes, at another time, and all at once."""
    assert differences(built.first, SITE) == []


def test_an_interrupted_build_leaves_no_site(built: Copy):
    page, test = built.project / "docs/extra.md", built.project / PROOF
    kept = test.read_text()
    page.write_text("---\norphan: true\n---\n\n# More\n")
    # Something to prove.
    test.write_text(f"{kept}\n# More.\n")
    before = time.monotonic()
    status, printed = built.build()
    assert status == 0, printed
    seconds = time.monotonic() - before
    statuses = set()
    for moment in range(MOMENTS):
        test.write_text(f"{kept}\n# More than {moment}.\n")
        process = built.start()
        time.sleep((moment + 0.5) / MOMENTS * seconds)
        os.killpg(process.pid, signal.SIGINT)
        printed, _ = process.communicate()
        statuses.add(process.returncode)
        assert process.returncode == 0 or not built.site.exists(), printed
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
        assert list(built.temporary.iterdir()) == [], printed
    assert statuses != {0}, "no build was interrupted"
    # The next build is as the first one.
    test.write_text(kept)
    page.unlink()
    status, printed = built.build()
    assert status == 0, printed
    assert differences(built.site, SITE) == []


@needs_namespaces
def test_without_room_for_temporary_files_there_is_no_site(built: Copy):
    test = built.project / PROOF
    kept = test.read_text()
    test.write_text(f"{kept}\n# More.\n")
    status, printed = built.build_in(NO_ROOM_FOR_TEMPORARY_FILES)
    test.write_text(kept)
    assert status != 0
    assert "No space left on device" in printed
    assert not built.site.exists()


@needs_namespaces
def test_without_room_for_the_site_there_is_none(built: Copy):
    status, printed = built.build()
    assert status == 0, printed
    doctrees = built.project / "_build/doctrees"
    size = size_of(doctrees) + size_of(built.site) // 2
    status, printed = built.build_in(NO_ROOM_FOR_THE_SITE, SIZE=str(size))
    # Sphinx takes a full disk for a fault of its own, and keeps a log of it.
    for log in built.temporary.glob("sphinx-err-*.log"):
        log.unlink()
    assert status != 0
    assert "No space left on device" in printed


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*"))
