"""Nothing is published without evidence: each way to damage evidence or claims fails `make check`.

A damaged file of evidence is no fault of the writer's: what it spoke of is proven again. Where
nothing may be run, the build refuses.
"""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from copied_project import Project
from damage import (
    CHARM,
    CHARM_TEST,
    GUIDE,
    INDEX,
    PEER_CHARM,
    PEER_TEST,
    Sabotage,
    append,
    assert_noticed,
    edit,
    rewrite,
)

EVIDENCE = "_build/doctrees/evergreen-evidence.json"
EXPLANATION = "docs/explanation/stored-state-uses-limitations.md"
PEER_DATA = "examples/peer-data/pyproject.toml"
STORED_STATE = "examples/stored-state/pyproject.toml"
TABLE = "examples/stored-state/table.toml"


def build(project: Project, output: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Build the site into a folder of its own, from the doctrees and the evidence there are."""
    return project.run(
        *(project.commands / "python", "-m", "sphinx", "--conf-dir", "."),
        *("--doctree-dir", "_build/doctrees"),
        *("--builder", "dirhtml", *options, "docs", f"_build/{output}"),
    )


def adds_untested_method(folder: Path) -> list[str]:
    """Add a method that no test calls to the charm, and show it."""
    edit(
        folder,
        CHARM,
        "    def _on_collect_unit_status(",
        '    def _forget(self) -> None:\n        """Measure again at the next start."""\n'
        "        self._stored.expensive_value = None\n\n    def _on_collect_unit_status(",
    )
    text = (folder / CHARM).read_text()
    line = text[: text.index("        self._stored.expensive_value = None")].count("\n") + 1
    block = "Show the value in `juju status`."
    shown = (
        "```{literalinclude} ../../examples/stored-state/src/charm.py\n"
        ":language: python\n:pyobject: MyCharm._forget\n:caption: src/charm.py\n```\n\n"
    )
    first = edit(folder, GUIDE, block, f"{shown}{block}")
    return [
        f"{GUIDE}:{first}: WARNING: no passing test runs line {line} of {CHARM}:"
        " 'self._stored.expensive_value = None'. Write a test that does",
    ]


def deletes_only_test(folder: Path) -> list[str]:
    """Delete the tests that run one line of the charm, from the example and from the pages."""
    path = folder / PEER_TEST
    text = path.read_text()
    name = "test_pebble_ready_when_pebble_is_gone_again"
    found = re.search(rf"^def {name}\(.*?(?=^def |^@pytest|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found
    path.write_text(text.replace(found[0], ""))
    block = rf"```{{literalinclude}} \S+\n(?:.*\n){{1}}:pyobject: {name}\n(?:.*\n){{1}}```\n\n"
    rewrite(folder, block, lambda match: "")
    return [
        f"{GUIDE}:",
        f"of {PEER_CHARM}: 'logger.warning(\"Pebble is gone again: waiting for",
        "Write a test that does, or drop what nothing needs",
    ]


def claims(name: str, role: str, *printed: str) -> Any:
    """Return a parameter, a sabotage: a claim or a figure that nothing stands behind."""

    def sabotage(folder: Path) -> list[str]:
        line = append(folder, INDEX, role)
        return [f"{INDEX}:{line}: WARNING: {printed[0]}", *printed[1:]]

    return pytest.param(sabotage, id=name)


CLAIMS = [
    claims(
        "unknown-test",
        "{proven}`Values are kept <test_value_survives_from_start_to_update>`.",
        "no test of the name 'test_value_survives_from_start_to_update' ran and passed",
        "such as test_value_survives_from_start_to_update_status",
    ),
    claims(
        "no-test",
        "{proven}`It works`.",
        "the claim 'It works' names no test",
        "Write it as {proven}`words <name_of_the_test>`",
    ),
    claims(
        "test-that-needs-juju",
        "{proven}`It survives <test_value_survives_an_upgrade>`.",
        "no test of the name 'test_value_survives_an_upgrade' ran and passed",
    ),
    claims(
        "unknown-figure",
        "{measured}`readers`",
        "nothing computes a figure 'readers'",
        "The figures are pages, ",
    ),
]


def claims_test_of_two_examples(folder: Path) -> list[str]:
    """Give two tests one name, and claim that name."""
    for name in ("facts-about-ops", "peer-data"):
        path = folder / f"examples/{name}/tests/unit/test_more.py"
        path.write_text("def test_same_name():\n    assert True\n")
    line = append(folder, INDEX, "{proven}`It works <test_same_name>`.")
    return [
        f"{INDEX}:{line}: WARNING: 'test_same_name' is a name of"
        " examples/facts-about-ops/tests/unit/test_more.py::test_same_name,"
        " examples/peer-data/tests/unit/test_more.py::test_same_name",
        "Write more of the test's path, from a '/' on",
    ]


def claims_failing_test(folder: Path) -> list[str]:
    """Claim what a test shows that no longer passes."""
    append(folder, INDEX, "{proven}`It is kept <test_second_start_keeps_the_value>`.")
    edit(folder, CHARM_TEST, "calculate.assert_not_called()", "calculate.assert_called_once()")
    return [f"{CHARM_TEST}:", "test_second_start_keeps_the_value (example stored-state) failed"]


def adds_branch_that_never_runs(folder: Path) -> list[str]:
    """Put a branch that is never taken into an executed block."""
    line = edit(
        folder,
        GUIDE,
        "print(installed.unit_status)\n",
        'print(installed.unit_status)\nif not installed.unit_status:\n    print("no status")\n',
    )
    return [
        f"{GUIDE}:{line + 2}: WARNING: the block runs, and line {line + 2} of it does not:"
        " 'print(\"no status\")'",
        "Have the block, or a later one, run it",
    ]


def adds_function_that_is_not_called(folder: Path) -> list[str]:
    """Put a function that nothing calls into an executed block."""
    line = edit(
        folder,
        GUIDE,
        "print(installed.unit_status)\n",
        "print(installed.unit_status)\n\n\ndef forget():\n    return None\n",
    )
    return [f"{GUIDE}:{line + 4}: WARNING: the block runs, and line {line + 4} of it does not"]


def shows_unread_file(folder: Path) -> list[str]:
    """Show a file of an example that no test reads."""
    (folder / TABLE).write_text("[table]\nkey = 1\n")
    line = append(folder, INDEX, f"```{{literalinclude}} ../../{TABLE}\n:language: toml\n```")
    return [
        f"{INDEX}:{line}: WARNING: no passing test reads {TABLE}",
        "Write a test that does, or do not show the file",
    ]


@pytest.mark.parametrize(
    "sabotage",
    [
        *CLAIMS,
        claims_test_of_two_examples,
        claims_failing_test,
        adds_untested_method,
        deletes_only_test,
        adds_branch_that_never_runs,
        adds_function_that_is_not_called,
        shows_unread_file,
    ],
)
def test_check_fails_and_says_where(
    sabotage: Sabotage, folder: Path, check: Callable[..., subprocess.CompletedProcess[str]]
):
    expected = sabotage(folder)

    assert_noticed(folder, check(), expected)


def removes(evidence: Path) -> None:
    """Remove the evidence."""
    evidence.unlink()


def truncates(evidence: Path) -> None:
    """Keep the first half of the evidence."""
    text = evidence.read_text()
    evidence.write_text(text[: len(text) // 2])


def garbles(evidence: Path) -> None:
    """Write what is no text over the evidence."""
    evidence.write_bytes(b"\xff\xfe\x00" * 100)


def empties(evidence: Path) -> None:
    """Leave a JSON file with nothing in it."""
    evidence.write_text("{}")


def reshapes(evidence: Path) -> None:
    """Leave JSON of another shape."""
    evidence.write_text("[1, 2, 3]")


def drops_a_key(evidence: Path) -> None:
    """Leave proofs that lack a part."""
    data = json.loads(evidence.read_text())
    for proof in data["proofs"].values():
        del proof["digest"]
    evidence.write_text(json.dumps(data))


def is_older(evidence: Path) -> None:
    """Leave the proofs alone, as an older version has written them."""
    evidence.write_text(json.dumps(json.loads(evidence.read_text())["proofs"]))


def ages(evidence: Path) -> None:
    """Have all proofs speak of other code."""
    data = json.loads(evidence.read_text())
    for proof in data["proofs"].values():
        proof["digest"] = "0" * 64
    evidence.write_text(json.dumps(data))


DAMAGES = [removes, truncates, garbles, empties, reshapes, drops_a_key, is_older, ages]


def name_of(unit: str) -> str:
    """Return what a build calls a unit, given the path in its evidence."""
    return f"example {Path(unit).parent.name}" if unit.endswith("pyproject.toml") else unit


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_evidence_is_no_evidence(damage: Callable[[Path], None], project: Project):
    units = json.loads((project.folder / EVIDENCE).read_text())["proofs"]
    damage(project.folder / EVIDENCE)

    refused = build(project, "refused", "-D", "evergreen_prove=0")

    assert refused.returncode != 0, refused.stdout
    named = refused.stdout.partition("evergreen_prove is off, and this is unproven: ")[2]
    # Nothing of it is evidence still, so that all of them are one case to what proves anew.
    assert sorted(named.splitlines()[0].split(", ")) == sorted(map(name_of, units))
    assert not list((project.folder / "_build").glob("refused/**/*.html"))


@pytest.mark.parametrize(
    ("file", "old", "new", "unproven"),
    [
        (CHARM, "TARGET_TIME = 0.1", "TARGET_TIME = 0.10", "example stored-state"),
        (CHARM_TEST, "content={", "content={ ", "example stored-state"),
        (GUIDE, "print(installed.unit_status)", "print(installed.unit_status) ", GUIDE),
        ("tests/proofs/test_dispatch.py", "import pytest", "import pytest ", "test_dispatch.py"),
        ("pyproject.toml", "strict = true", "strict = true ", "example peer-data"),
    ],
    ids=["code", "test", "page", "proof", "settings"],
)
def test_evidence_of_another_text_is_no_evidence(
    file: str, old: str, new: str, unproven: str, project: Project
):
    edit(project.folder, file, old, new)

    refused = build(project, "refused", "-D", "evergreen_prove=0")

    assert refused.returncode != 0, refused.stdout
    assert "evergreen_prove is off, and this is unproven: " in refused.stdout
    assert unproven in refused.stdout
    assert not list((project.folder / "_build").glob("refused/**/*.html"))


def test_evidence_of_what_did_not_pass_is_none(project: Project):
    before = json.loads((project.folder / EVIDENCE).read_text())["proofs"]
    edit(project.folder, PEER_TEST, "    assert ", "    assert not 'passing'\n    assert ")
    edit(project.folder, EXPLANATION, "```{testcode}\n", "```{testcode}\nassert 'passing'\n")

    assert project.check().returncode != 0

    after = json.loads((project.folder / EVIDENCE).read_text())["proofs"]
    # What speaks of nothing that has changed is evidence as before.
    assert after[STORED_STATE] == before[STORED_STATE]
    # What has changed and passed beside what did not is new evidence.
    assert after[EXPLANATION]["digest"] != before[EXPLANATION]["digest"]
    assert PEER_DATA in before
    assert PEER_DATA not in after
    refused = build(project, "refused", "-D", "evergreen_prove=0")
    assert "this is unproven: example peer-data" in refused.stdout
