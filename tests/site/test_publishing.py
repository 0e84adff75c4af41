"""What publishes the site holds what the services' own schemas do not check."""

import json
import re
import shlex
import shutil
import subprocess
import sysconfig
import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.dependency_groups import resolve_dependency_groups
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from sphinx.cmd.build import get_parser

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/charmcraft.yaml"))


def load(path: Path) -> dict[Any, Any]:
    return yaml.safe_load(path.read_text())


def jobs() -> dict[str, dict[str, Any]]:
    """Return every job of every workflow, by "file:job"."""
    return {
        f"{path.name}:{name}": job
        for path in WORKFLOWS
        for name, job in load(path)["jobs"].items()
    }


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def locked() -> dict[str, list[str]]:
    """Return the lock's entries, the lines of each by its first, which names the version."""
    text = (ROOT / "requirements.txt").read_text().replace("\\\n", "\n")
    entries: dict[str, list[str]] = {}
    first = ""
    for line in (line.strip() for line in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if line.startswith("--hash="):
            entries[first].append(line)
        else:
            first = line
            entries[first] = []
    return entries


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        pytest.param("vendor.readthedocs", [".readthedocs.yaml"], id="readthedocs"),
        pytest.param("vendor.github-workflows", WORKFLOWS, id="workflows"),
        pytest.param("vendor.dependabot", [".github/dependabot.yml"], id="dependabot"),
    ],
)
def test_configuration_matches_the_services_schema(schema: str, paths: list[str | Path]):
    checked = run(SCRIPTS / "check-jsonschema", "--builtin-schema", schema, *paths)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_read_the_docs_installs_the_lock():
    config = load(ROOT / ".readthedocs.yaml")

    # Without the key "sphinx", overriding a job makes Read the Docs skip the installation.
    assert (ROOT / config["sphinx"]["configuration"]).is_file()
    assert config["python"]["install"] == [{"requirements": "requirements.txt"}]
    assert "commands" not in config["build"]
    assert set(config["build"]["jobs"]) == {"build"}


def test_read_the_docs_builds_with_the_extension_that_proves():
    config = load(ROOT / ".readthedocs.yaml")

    (command,) = config["build"]["jobs"]["build"]["html"]
    python, *options = shlex.split(command)
    assert [python, *options[:2]] == ["python", "-m", "sphinx"]
    build = get_parser().parse_args(options[2:])
    assert build.confdir == str(Path(config["sphinx"]["configuration"]).parent)
    assert build.sourcedir == "docs"
    assert build.builder == config["sphinx"]["builder"] == "dirhtml"
    assert build.outputdir == "$READTHEDOCS_OUTPUT/html"
    assert build.doctreedir.startswith("_build/"), "doctrees would be published with the pages"
    assert build.warningiserror
    assert not build.noconfig
    assert not build.define


def test_zizmor_finds_nothing():
    audit = run(
        SCRIPTS / "zizmor",
        "--offline",
        "--no-progress",
        "--strict-collection",
        "--persona=auditor",
        "--format=json",
        ".",
    )

    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert json.loads(audit.stdout) == []


def test_actions_are_pinned_to_a_commit_and_say_which_release():
    pinned = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    uses = [
        used
        for path in WORKFLOWS
        for used in re.findall(r"\buses: (.+)", path.read_text())
        if not used.startswith("$/")
    ]

    assert uses
    assert [used for used in uses if not pinned.fullmatch(used)] == []


def test_workflows_called_here_exist():
    called = [job["uses"] for job in jobs().values() if "uses" in job]

    assert called
    assert all((ROOT / path.removeprefix("$/")).is_file() for path in called)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_grants_nothing_to_jobs_that_do_not_ask(path: Path):
    workflow = load(path)

    assert workflow["permissions"] == {}
    # YAML 1.1 reads the key "on" as true.
    assert not {"pull_request_target", "workflow_run"} & set(workflow[True])


@pytest.mark.parametrize(("name", "job"), jobs().items(), ids=jobs())
def test_job_has_least_permissions(name: str, job: dict[str, Any]):
    reports = name.endswith(":report") or name == "report.yml:issue"

    assert job["permissions"] == ({"issues": "write"} if reports else {"contents": "read"})


def test_a_pull_request_finds_no_secret_to_read():
    """The one token that may write is that of the report, which follows a schedule alone."""
    assert [path.name for path in WORKFLOWS if "secrets" in path.read_text()] == []
    holding = [path for path in WORKFLOWS if re.search(r"github\.token|_TOKEN", path.read_text())]
    assert [path.name for path in holding] == ["report.yml"]
    assert list(load(holding[0])[True]) == ["workflow_call"]


def test_the_lock_is_audited_every_week():
    workflow = load(ROOT / ".github/workflows/audit.yml")

    assert workflow[True]["schedule"] == [{"cron": "47 5 * * 1"}]
    commands = [step.get("run", "") for step in workflow["jobs"]["audit"]["steps"]]
    (audit,) = [shlex.split(command) for command in commands if command.startswith("pip-audit")]
    assert audit[audit.index("--requirement") + 1] == "requirements.txt"


def test_mutants_are_tried_on_every_change_and_every_night():
    check, nightly = (
        load(ROOT / f".github/workflows/{name}.yml") for name in ("check", "mutants")
    )

    assert {"push", "pull_request"} <= set(check[True])
    (schedule,) = nightly[True]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", schedule["cron"])
    for job in (check["jobs"]["check"], nightly["jobs"]["mutants"]):
        assert "make mutants" in [step.get("run") for step in job["steps"]]


def test_scheduled_workflows_report_a_failure():
    for path in WORKFLOWS:
        workflow = load(path)
        if "schedule" not in workflow[True]:
            continue
        report = workflow["jobs"].pop("report")
        assert report["if"] == "failure() && github.event_name == 'schedule'"
        needs = report["needs"]
        assert ([needs] if isinstance(needs, str) else needs) == list(workflow["jobs"])


def test_workflows_run_targets_that_the_makefile_has():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = [
        step["run"] for job in jobs().values() for step in job.get("steps", ()) if "run" in step
    ]
    made = {command.split()[1] for command in commands if command.startswith("make ")}

    assert made == {"check", "test", "linkcheck", "matrix", "mutants", "soak", "steady"}
    assert made <= targets


def test_tests_run_on_the_oldest_python_that_is_supported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = jobs()["tests.yml:test"]["strategy"]["matrix"]["python"][0]

    assert project["requires-python"] == f">={oldest}"


def test_every_example_is_tested_on_a_real_juju():
    matrix = jobs()["integration.yml:juju"]["strategy"]["matrix"]["include"]

    assert matrix == [
        {
            "example": example.name,
            "preset": "k8s" if "containers" in load(example / "charmcraft.yaml") else "machine",
        }
        for example in EXAMPLES
    ]


def test_lock_names_exact_versions_with_hashes_and_no_index():
    entries = locked()

    assert entries
    for first, hashes in entries.items():
        assert re.fullmatch(r"[a-z0-9-]+(\[[a-z,-]+\])?==[\w.]+( ; .+)?", first)
        assert hashes, f"{first} has no hash"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes)
    assert "://" not in (ROOT / "requirements.txt").read_text()


def test_lock_has_one_version_of_each_package():
    names = [Requirement(first).name for first in locked()]

    assert len(names) == len(set(names))


def test_lock_satisfies_every_dependency_group():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    entries = [Requirement(first) for first in locked()]
    versions = {entry.name: str(entry.specifier).removeprefix("==") for entry in entries}
    everything = set(resolve_dependency_groups(groups, "all"))

    for group in groups:
        assert set(resolve_dependency_groups(groups, group)) <= everything, (
            f"{group} is not in all"
        )
    for requirement in map(Requirement, everything):
        assert requirement.specifier.contains(versions[requirement.name]), str(requirement)


def test_lock_names_the_extras_that_packages_ask_of_each_other():
    """Without them pip takes a newer release for the package with its extra, and has no hash.

    It does so only once there is a newer release: a lock that installs today fails then.
    """
    entries = {entry.name: entry for entry in map(Requirement, locked())}
    missing = [
        f"{name} needs {need}"
        for name, entry in entries.items()
        if entry.marker is None or entry.marker.evaluate()
        for need in map(Requirement, distribution(name).requires or [])
        if need.marker is None
        or any(need.marker.evaluate({"extra": e}) for e in ("", *entry.extras))
        if not need.extras <= entries[canonicalize_name(need.name)].extras
    ]

    assert missing == []


def test_lock_can_be_installed_on_the_oldest_python_that_is_supported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=")
    environment = {"python_version": oldest, "python_full_version": f"{oldest}.0"}
    refused = []
    for entry in (Requirement(first) for first in locked()):
        marker = entry.marker
        if marker is None or (marker.evaluate(environment) and marker.evaluate()):
            # The lock does not tell; what is installed here is what the lock names.
            needs = "".join(distribution(entry.name).metadata.get_all("Requires-Python", []))
            if not SpecifierSet(needs).contains(environment["python_full_version"]):
                refused.append(f"{entry} needs Python {needs}")

    assert refused == []


@pytest.fixture
def new_machine(tmp_path: Path):
    """Return a function that runs `.ci/run` where commands only record how they were called."""
    log = tmp_path / "log"
    commands = tmp_path / "bin"
    commands.mkdir()
    for real in ("bash", "dirname", "env", "timeout"):
        (commands / real).symlink_to(shutil.which(real) or real)

    def stub(name: str, script: str) -> None:
        (commands / name).write_text(f"#!/bin/sh\n{script}\n")
        (commands / name).chmod(0o755)

    stub("sudo", 'exec "$@"')

    def run_ci(*installed: str, fails: str = "") -> tuple[int, list[str]]:
        for name in installed:
            status = int(name == fails)
            stub(name, f'echo "{name} $*" >> "{log}"; exit {status}')
        done = subprocess.run(
            [ROOT / ".ci/run"], env={"PATH": str(commands)}, stdin=subprocess.DEVNULL, text=True
        )
        return done.returncode, log.read_text().splitlines()

    return run_ci


def test_ci_runs_every_test(new_machine):
    status, calls = new_machine("python3", "chromium", "make")

    assert (status, calls) == (0, ["python3 -c import ensurepip", "make test"])


def test_ci_fails_when_a_test_fails(new_machine):
    status, calls = new_machine("python3", "chromium", "make", fails="make")

    assert status != 0
    assert calls[-1] == "make test"


def test_ci_installs_what_a_new_machine_lacks(new_machine):
    status, calls = new_machine("python3", "apt-get", "make", fails="python3")

    assert status == 0
    update, install = calls[1:3]
    assert update.startswith("apt-get update")
    assert install.startswith("apt-get install")
    assert install.endswith(" chromium python3-venv")
    assert calls[-1] == "make test"


def test_ci_stops_when_the_installation_fails(new_machine):
    status, calls = new_machine("python3", "apt-get", "make", fails="apt-get")

    assert status != 0
    assert "make test" not in calls
