"""Pages that show what was measured in real dispatches show just that.

`tests/juju/measured.py` is what `test_lifetimes.py` and `test_faults.py` hold to the dispatches.
"""

import re
from pathlib import Path

from measured import COLUMNS, ERRORS, LIFETIMES

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/howto/manage-stored-state.md"
EXPLANATION = ROOT / "docs/explanation/stored-state-uses-limitations.md"
# What the stand-in for the hook environment does not have: the guide links to Juju's reference.
NOT_MEASURED = {"nothing", "database"}


def read_table(page: Path, first_cell: str) -> tuple[list[str], dict[str, list[str]]]:
    """Return a table's columns but the first, and its cells by the words of their first cell."""
    lines = page.read_text().partition(f"| {first_cell} |")[2].splitlines()
    head, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines[: lines.index("")]
    )
    table = {}
    for place, *cells in rows:
        name = re.match(r"\[?([\w -]+)", place)
        assert name, place
        table[name[1]] = cells
    return head, table


def test_the_guide_says_how_long_a_value_lasts():
    columns, table = read_table(GUIDE, "Keep it in")
    assert tuple(columns[: len(COLUMNS)]) == COLUMNS
    assert set(table) == {*LIFETIMES, *NOT_MEASURED}
    assert {place: tuple(table[place][: len(COLUMNS)]) for place in LIFETIMES} == LIFETIMES
    # What is kept nowhere is worked out anew, and what has no unit is not needed.
    assert set(table["nothing"][: len(COLUMNS)]) == {"new", "—"}


def test_the_explanation_names_each_error():
    _, table = read_table(EXPLANATION, "What has happened")
    shown = {what: re.findall(r"`([^`]*Error: [^`]*)`", cells[0]) for what, cells in table.items()}
    assert {what: errors for what, errors in shown.items() if errors} == {
        what: [error] for what, error in ERRORS.items()
    }
