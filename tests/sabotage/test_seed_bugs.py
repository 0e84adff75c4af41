"""The bugs of the page that this project began with: each one, put back, fails `make check`.

The page told charm authors to write what follows; see also the prose that test_prose.py refuses.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from damage import (
    CHARM,
    CHARM_TEST,
    GUIDE,
    PEER_CHARM,
    PEER_TEST,
    Sabotage,
    assert_noticed,
    edit,
    replaces,
    rewrite,
)

INTEGRATION_TEST = "examples/stored-state/tests/integration/test_charm.py"
GUARD = """\
        if self.peers is None:
            logger.warning("Cannot store %s of %s: no peer relation yet", key, owner.name)
            return
"""
FIRST_TEST = "test_start_measures_the_machine (example stored-state) failed"

IN_CODE = [
    replaces(
        "set_default-with-positions",
        CHARM,
        "set_default(expensive_value=None)",
        "set_default('expensive_value', None)",
        f"{CHARM_TEST}:",
        FIRST_TEST,
        "set_default() takes 1 positional argument but 3 were given",
    ),
    replaces(
        "setdefault",
        CHARM,
        "set_default(expensive_value=None)",
        'setdefault("expensive_value", None)',
        f"{CHARM_TEST}:",
        FIRST_TEST,
        "attribute 'setdefault' is not stored",
    ),
    replaces(
        "item-assignment",
        CHARM,
        "self._stored.expensive_value = self._calc",
        'self._stored["expensive_value"] = self._calc',
        f"{CHARM_TEST}:",
        FIRST_TEST,
        "'BoundStoredState' object does not support item assignment",
    ),
    replaces(
        "owner-in-lower-case",
        CHARM_TEST,
        'get_stored_state("_stored", owner_path="MyCharm")',
        'get_stored_state("_stored", owner_path="mycharm")',
        f"{CHARM_TEST}:",
        "ValueError: stored state: _stored not found in the State",
    ),
    replaces(
        "first-line-of-the-log",
        CHARM_TEST,
        'assert testing.JujuLogLine("INFO", "Hashing passwords with 42 iterations") in'
        " ctx.juju_log",
        'assert ctx.juju_log[0].message == "Hashing passwords with 42 iterations"',
        f"{CHARM_TEST}:",
        "test_update_status_reads_the_value (example stored-state) failed",
        "up and running.",
    ),
    replaces(
        "handler-without-a-body",
        CHARM,
        "    def _on_update_status(",
        "    def _on_install(self, event: ops.InstallEvent) -> None:\n"
        "        # Use the value here.\n\n"
        "    def _on_update_status(",
        f"{CHARM}",
        "expected an indented block after function definition",
    ),
    replaces(
        "logger-never-made",
        CHARM,
        "logger = logging.getLogger(__name__)\n",
        "",
        f"{CHARM_TEST}:",
        "name 'logger' is not defined",
    ),
    replaces("ops-not-imported", CHARM, "import ops\n", "", CHARM, "name 'ops' is not defined"),
    replaces(
        "testing-not-imported",
        CHARM_TEST,
        "from ops import testing\n",
        "",
        f"{CHARM_TEST}:",
        "name 'testing' is not defined",
    ),
    replaces(
        "testing-not-imported-on-the-page",
        GUIDE,
        "import ops\nfrom ops import testing\n\n\nclass Forgetful",
        "import ops\n\n\nclass Forgetful",
        f"{GUIDE}:",
        "NameError: name 'testing' is not defined",
    ),
    replaces(
        "value-seen-before-it-is-stored-on-the-page",
        GUIDE,
        "{'expensive_value': None}\n",
        "{'expensive_value': 250000}\n",
        f"{GUIDE}:",
        "the output differs from what the page shows",
        "- {'expensive_value': 250000}",
        "+ {'expensive_value': None}",
    ),
    replaces(
        "non-leader-writes-for-the-application",
        PEER_CHARM,
        'self.set_peer_data(self.unit, "unit_stats"',
        'self.set_peer_data(self.app, "unit_stats"',
        "test_first_start[False] (example peer-data) failed",
        "fastapi-demo/0 is not leader and cannot write application data.",
    ),
    replaces(
        "cast-in-place-of-a-check",
        PEER_CHARM,
        f"{GUARD}        self.peers.data[owner][key]",
        "        peers = cast(ops.Relation, self.peers)\n        peers.data[owner][key]",
        "name 'cast' is not defined",
    ),
    replaces(
        "no-check-before-the-relation",
        PEER_CHARM,
        GUARD,
        "",
        "test_start_before_the_peer_relation (example peer-data) failed",
        "'NoneType' object has no attribute 'data'",
    ),
    replaces(
        "return-type-too-narrow",
        PEER_CHARM,
        "key: str) -> JSONData:",
        "key: str) -> dict[str, JSONData]:",
        f"{PEER_CHARM}:",
        'Type "None" is not assignable to return type',
    ),
    replaces(
        "nothing-is-an-empty-dictionary",
        PEER_CHARM,
        "            return None\n        try:",
        "            return {}\n        try:",
        f"{PEER_TEST}:",
        "test_action_leaves_out_what_it_cannot_read (example peer-data) failed",
    ),
]

ON_THE_PAGE = [
    replaces(
        "notice-in-another-syntax",
        GUIDE,
        ":::{caution}\nOn Kubernetes",
        "[caution]\n\nOn Kubernetes",
        f"{GUIDE}:LINE: '[caution]' is shown as it stands",
    ),
    replaces(
        "notice-in-another-syntax-in-one-paragraph",
        GUIDE,
        ":::{note}\nYou may read",
        "[note]\nYou may read",
        f"{GUIDE}:LINE: '[note]' is shown as it stands",
    ),
    replaces(
        "link-to-a-heading-that-is-not-there",
        GUIDE,
        "### Test the feature\n",
        "### Test the feature\n\n- [Write unit tests](#heading--write-scenario-tests)\n",
        f"{GUIDE}:",
        "heading--write-scenario-tests",
    ),
    replaces(
        "second-link-to-a-heading-that-is-not-there",
        GUIDE,
        "### Test the feature\n",
        "### Test the feature\n\n- [Integration tests](#heading--write-integration-tests)\n",
        f"{GUIDE}:",
        "heading--write-integration-tests",
    ),
    replaces(
        "link-to-a-forum",
        GUIDE,
        "### Write integration tests\n",
        "### Write integration tests\n\nSee [integration tests for a charm](/t/12734).\n",
        f"{GUIDE}:",
        "t/12734",
    ),
    replaces(
        "comment",
        GUIDE,
        "#### Set and get data\n",
        "<!-- UPDATE LINKS\n> Read more: [File `charmcraft.yaml`]()\n-->\n\n"
        "#### Set and get data\n",
        f"{GUIDE}:LINE: WARNING: raw html that nothing proves: '<!-- UPDATE LINKS'",
    ),
    replaces(
        "comment-in-the-wrong-encoding",
        GUIDE,
        "#### Set and get data\n",
        "<!-- UPDATE LINKS\n> Read more: [File \u00e2\u20ac\u02dccharmcraft.yaml`]()\n-->\n\n"
        "#### Set and get data\n",
        f"{GUIDE}:",
        "'\u00e2\u20ac\u02dc' was read in the wrong encoding: write '\u2018'",
    ),
    replaces(
        "text-in-the-wrong-encoding",
        GUIDE,
        "JSON turns other values into strings",
        "File \u00e2\u20ac\u02dccharmcraft.yaml`. JSON turns other values into strings",
        f"{GUIDE}:LINE: '\u00e2\u20ac\u02dc' was read in the wrong encoding: write '\u2018'",
    ),
    replaces(
        "this-chapter",
        GUIDE,
        "A [peer relation](",
        "In this chapter we will adopt the second strategy. A [peer relation](",
        f"{GUIDE}:LINE: 'this chapter' is of another document",
        f"{GUIDE}:LINE: 'the second strategy' is of another document",
    ),
    replaces(
        "third-strategy",
        GUIDE,
        "A [peer relation](",
        "We will explore the third strategy in the next chapter. A [peer relation](",
        f"{GUIDE}:LINE: 'the third strategy' is of another document",
        f"{GUIDE}:LINE: 'the next chapter' is of another document",
    ),
]


def install_handler_uses_what_start_stores(folder: Path) -> list[str]:
    """Use the stored value in install, which comes before start."""
    edit(
        folder,
        CHARM,
        "        framework.observe(self.on.start",
        "        framework.observe(self.on.install, self._on_install)\n"
        "        framework.observe(self.on.start",
    )
    edit(
        folder,
        CHARM,
        "    def _on_start(",
        "    def _on_install(self, event: ops.InstallEvent) -> None:\n"
        "        iterations: int = self._stored.expensive_value\n"
        '        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", iterations)\n\n'
        "    def _on_start(",
    )
    text = "Compute the value in the start event, once."
    block = (
        "```{literalinclude} ../../examples/stored-state/src/charm.py\n"
        ":language: python\n:pyobject: MyCharm._on_install\n:caption: src/charm.py\n```\n"
    )
    edit(folder, GUIDE, text, f"{block}\n{text}")
    return [
        f"{CHARM_TEST}:",
        "test_nothing_is_measured_before_start (example stored-state) failed",
        "TypeError",
    ]


def empties_a_section(folder: Path) -> list[str]:
    """Leave a section's heading, and nothing below it."""
    found = rewrite(
        folder,
        r"^\(test-the-peer-data\)=\n(### Test the feature\n)(?:.*\n)*?(?=^\(write-integration)",
        lambda match: f"(test-the-peer-data)=\n{match[1]}\n",
    )
    line = found.string[: found.start(1)].count("\n") + 1
    return [f"{GUIDE}:{line}: the section 'Test the feature' is empty"]


def keeps_a_heading_only(folder: Path) -> list[str]:
    """Put in a heading with nothing below it."""
    line = edit(
        folder,
        GUIDE,
        "### Write integration tests\n",
        "### Test more\n\n### Write integration tests\n",
    )
    return [f"{GUIDE}:{line}: the section 'Test more' is empty"]


def integration_test_for_the_old_library(folder: Path) -> list[str]:
    """Find the leader as python-libjuju did."""
    path = folder / INTEGRATION_TEST
    text = path.read_text()
    found = re.search(r"^def get_leader_unit\(.*?(?=^\S)", text, re.DOTALL | re.MULTILINE)
    assert found
    old = (
        "async def get_leader_unit(ops_test, app, model=None):\n"
        '    """Utility method to get the current leader unit."""\n'
        "    leader_unit = None\n"
        "    if model is None:\n"
        "        model = ops_test.model\n"
        "    for unit in model.applications[app].units:\n"
        "        if await unit.is_leader_from_status():\n"
        "            leader_unit = unit\n"
        "            break\n\n"
        "    return leader_unit\n\n\n"
    )
    path.write_text(text.replace(found[0], old))
    return ["test_with_a_stand_in_for_juju[stored-state]", "<coroutine object get_leader_unit"]


def integration_test_imports_the_old_library(folder: Path) -> list[str]:
    """Import the plugin that came before Jubilant."""
    edit(
        folder,
        INTEGRATION_TEST,
        "import pytest\n",
        "import pytest\nfrom pytest_operator.plugin import OpsTest  # noqa: F401\n",
    )
    return ["test_with_a_stand_in_for_juju[stored-state]", "No module named 'pytest_operator'"]


@pytest.mark.parametrize(
    "sabotage",
    [
        *IN_CODE,
        *ON_THE_PAGE,
        install_handler_uses_what_start_stores,
        empties_a_section,
        keeps_a_heading_only,
        integration_test_for_the_old_library,
        integration_test_imports_the_old_library,
    ],
)
def test_bug_is_noticed(
    sabotage: Sabotage, folder: Path, check: Callable[..., subprocess.CompletedProcess[str]]
):
    expected = sabotage(folder)

    assert_noticed(folder, check(), expected)
