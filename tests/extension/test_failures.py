"""What fails when it is run is reported at its own line, and nothing that did not run passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Build, Project

HERE = " <<<"
"""Marks the line at which the failure is to be reported; it is no part of the page."""

FAILING = {
    "output.md": (
        "the output differs from what the page shows",
        ["- 4", "+ 3"],
        """\
        Some words.

        ```{testcode}

        print(1 + 1) <<<
        print(1 + 2)
        ```
        ```{testoutput}
        2
        4
        ```
        """,
    ),
    "output-not-shown.md": (
        "the block prints something, and no testoutput shows it",
        ["+ 2"],
        """\
        ```{testcode}
        print(1 + 1) <<<
        ```
        """,
    ),
    "output-of-true.md": (
        "the output differs",
        ["- 1", "+ True"],
        """\
        ```{testcode}
        print(True) <<<
        ```
        ```{testoutput}
        1
        ```
        """,
    ),
    "blank-line.md": (
        "the output differs",
        ["- <BLANKLINE>"],
        """\
        ```{testcode}
        print("one") <<<
        print()
        print("two")
        ```
        ```{testoutput}
        one
        <BLANKLINE>
        two
        ```
        """,
    ),
    "ellipsis-off.md": (
        "the output differs",
        ["- o...e", "+ one"],
        """\
        ```{testcode}
        print("one") <<<
        ```
        ```{testoutput}
        :options: -ELLIPSIS

        o...e
        ```
        """,
    ),
    "raises.md": (
        "ZeroDivisionError: division by zero",
        ['File "pages/raises.md", line 8, in <module>', "1 / 0"],
        """\
        ```{testcode}
        x = 1 + \\
            1
        1 / 0 <<<
        ```
        """,
    ),
    "raises-in-an-earlier-block.md": (
        "ZeroDivisionError: division by zero",
        [
            'File "pages/raises-in-an-earlier-block.md", line 12, in <module>',
            "half(0)",
            'File "pages/raises-in-an-earlier-block.md", line 7, in half',
            "return 1 / n",
        ],
        """\
        ```{testsetup}
        def half(n):
            return 1 / n <<<
        ```

        ```{testcode}
        half(1)
        half(0)
        ```
        """,
    ),
    "raises-in-the-example.md": (
        "TypeError: unsupported operand",
        ['File "pages/raises-in-the-example.md", line 8, in <module>', "sums.py", "return a + b"],
        """\
        ```{testcode}
        from sums import add

        add(1, None) <<<
        ```
        """,
    ),
    "syntax.md": (
        "SyntaxError: invalid syntax",
        ["y = = 2"],
        """\
        ```{testcode}
        x = 1
        y = = 2 <<<
        ```
        """,
    ),
    "not-raised.md": (
        "the output differs",
        ["- ValueError: no"],
        """\
        ```{testcode}
        print("fine") <<<
        ```
        ```{testoutput}
        Traceback (most recent call last):
            ...
        ValueError: no
        ```
        """,
    ),
    "another-message.md": (
        "the output differs",
        [
            "  Traceback (most recent call last):\n              ...\n        - ValueError: inv",
            "        + ValueError: invalid literal for int() with base 10: 'x'",
        ],
        """\
        ```{testcode}
        int("x") <<<
        ```
        ```{testoutput}
        Traceback (most recent call last):
            ...
        ValueError: invalid literal
        ```
        """,
    ),
    "another-exception.md": (
        "the output differs",
        ["- TypeError", "+ ValueError"],
        """\
        ```{testcode}
        int("x") <<<
        ```
        ```{testoutput}
        Traceback (most recent call last):
            ...
        TypeError: invalid literal for int() with base 10: 'x'
        ```
        """,
    ),
    "deprecated.md": (
        "DeprecationWarning: use add",
        ["warnings.warn"],
        """\
        ```{testcode}
        import warnings

        warnings.warn("use add", DeprecationWarning) <<<
        ```
        """,
    ),
    "import-gone.md": (
        "ImportError: cannot import name 'subtract' from 'sums'",
        ["from sums import subtract"],
        """\
        ```{testcode}
        from sums import subtract <<<
        ```
        """,
    ),
    "set-up.md": (
        "NameError: name 'gone' is not defined",
        ["gone"],
        """\
        ```{testcode}
        x = 1
        ```
        ```{testsetup}
        gone <<<
        ```
        """,
    ),
    "clean-up.md": (
        "NameError: name 'gone' is not defined",
        ["gone"],
        """\
        ```{testcleanup}
        gone <<<
        ```
        ```{testcode}
        x = 1
        ```
        """,
    ),
    "exits.md": (
        "SystemExit: 0",
        ["sys.exit(0)"],
        """\
        ```{testcode}
        import sys

        sys.exit(0) <<<
        ```
        """,
    ),
    "skips.md": (
        "Skipped: not today",
        ['pytest.skip("not today")'],
        """\
        ```{testcode}
        import pytest

        pytest.skip("not today") <<<
        ```
        """,
    ),
    "expects-failure.md": (
        "_pytest.outcomes.XFailed: not today",
        ['pytest.xfail("not today")'],
        """\
        ```{testcode}
        import pytest

        pytest.xfail("not today") <<<
        ```
        """,
    ),
    "ends-the-run.md": (
        "_pytest.outcomes.Exit: not today",
        ['pytest.exit("not today")'],
        """\
        ```{testcode}
        import pytest

        pytest.exit("not today") <<<
        ```
        """,
    ),
    "interrupts.md": (
        "KeyboardInterrupt",
        ["raise KeyboardInterrupt"],
        """\
        ```{testcode}
        x = 1
        raise KeyboardInterrupt <<<
        ```
        """,
    ),
    "ends-its-process.md": (
        "the block ends the process that runs it",
        [],
        """\
        ```{testcode}
        x = 1
        ```
        ```{testcode}
        import os <<<

        os._exit(0)
        ```
        """,
    ),
    "terminal.md": (
        "'python -c \"print(2)\"' prints other than the page shows",
        ["- 3", "+ 2"],
        """\
        ```{code-block} console
        $ true
        $ python -c "print(2)" <<<
        3
        ```
        """,
    ),
    "terminal-status.md": (
        "'cat gone' ends with status 1",
        ["No such file or directory"],
        """\
        ```{code-block} console
        $ echo one
        one
        $ cat gone <<<
        cat: gone: No such file or directory
        ```
        """,
    ),
    "terminal-silent.md": (
        "'echo one' prints other than the page shows",
        ["+ one"],
        """\
        ```{code-block} console
        $ echo one <<<
        $ echo two
        two
        ```
        """,
    ),
    "terminal-exit.md": (
        "'exit 0' ends the shell",
        [],
        """\
        ```{code-block} console
        $ echo one
        one
        $ exit 0 <<<
        $ echo two
        two
        ```
        """,
    ),
    "terminal-quote.md": (
        "'echo \"two' ends the shell",
        ["unexpected EOF"],
        """\
        ```{code-block} console
        $ echo one
        one
        $ echo "two <<<
        ```
        """,
    ),
}

INCLUDING = """\
    ```{include} ../parts/code.md
    ```
    """
INCLUDED = """\
    Some words.

    ```{testcode}
    gone
    ```
    """

PASSING = {
    "traceback.md": """\
        ```{testcode}
        print("this goes unseen, as doctest has it")
        int("x")
        ```
        ```{testoutput}
        Traceback (most recent call last):
            ...
        ValueError: invalid literal for int() with base 10: 'x'
        ```
        """,
    "ellipsis.md": """\
        ```{testcode}
        from sums import add

        print("one", add(1, 1), "three")
        ```
        ```{testoutput}
        :options: +NORMALIZE_WHITESPACE

        one   ... three
        ```
        """,
    "sessions.md": """\
        ```{code-block} console
        $ cd src
        $ touch ../made-here
        $ python -c \\
            "from sums import add; print(add(1, 1))"
        2
        ```
        ```{code-block} console
        $ ls src/*.py made-here || echo gone
        ls: cannot access 'made-here': No such file or directory
        src/sums.py
        gone
        ```
        """,
}


@pytest.fixture(scope="module")
def built(make_project: Callable[[], Project]) -> Build:
    project = make_project()
    for name, (_, _, text) in FAILING.items():
        project.page(name, text.replace(HERE, ""), examples={"default": "sums"})
    for name, text in PASSING.items():
        project.page(name, text, examples={"default": "sums"})
    project.write({"parts/code.md": INCLUDED})
    project.page("included.md", INCLUDING, examples={"default": "sums"})
    return project.build()


@pytest.mark.parametrize("name", FAILING)
def test_a_failure_is_reported_at_its_line(built: Build, name: str):
    message, details, text = FAILING[name]
    marked = next(n for n, line in enumerate(text.splitlines(), start=1) if HERE in line)
    # The front matter comes first.
    (warning,) = built.warnings_of(f"pages/{name}")
    assert warning.startswith(f"pages/{name}:{marked + 4}: WARNING: {message}")
    for detail in details:
        assert detail in warning
    # What ran the block is of no use to its writer.
    assert "pytest_sphinx.py" not in warning


def test_a_failure_in_an_included_file_is_reported_there(built: Build):
    (warning,) = built.warnings_of("parts/code.md")
    assert warning.startswith("parts/code.md:4: WARNING: NameError: name 'gone' is not defined")
    assert 'File "parts/code.md", line 4, in <module>' in warning


@pytest.mark.parametrize("name", PASSING)
def test_what_is_as_shown_passes(built: Build, name: str):
    assert built.warnings_of(f"pages/{name}") == []


def test_every_problem_is_counted(built: Build):
    count = len(FAILING) + 1
    assert built.refusal == f"{count} problems, listed above. Nothing is published."
