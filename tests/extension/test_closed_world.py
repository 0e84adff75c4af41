"""Each way to show code that nothing proves is refused, at its line; what shows none is not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Build, Project

HERE = " <<<"
"""Marks the line at which the block is to be reported; it is no part of the page."""

INCLUDED = {
    "parts/block.md": "Some words.\n\n```python\nx = 1\n```\n",
    "parts/block.rst": "Some words::\n\n   x = 1\n",
    "parts/output.md": "```{testoutput}\nnothing printed it\n```\n",
    "parts/code.py": "x = 1\n",
}

UNPROVABLE = {
    "fence.md": """\
        ```python <<<
        x = 1
        ```
        """,
    "fence-of-tildes.md": """\
        ~~~python <<<
        x = 1
        ~~~
        """,
    "fence-without-language.md": """\
        ``` <<<
        x = 1
        ```
        """,
    "fence-of-text.md": """\
        ```text <<<
        x = 1
        ```
        """,
    "fence-never-closed.md": """\
        ```python <<<
        x = 1
        """,
    "longer-fence.md": """\
        ````{note}
        ```python <<<
        x = 1
        ```
        ````
        """,
    "colon-fence.md": """\
        :::{code-block} python <<<
        x = 1
        :::
        """,
    "colon-fence-in-another.md": """\
        ::::{note}
        :::{code-block} python
        x = 1 <<<
        :::
        ::::
        """,
    "indented.md": """\
        Some words.

            x = 1 <<<
        """,
    "code-block.md": """\
        ```{code-block} python <<<
        x = 1
        ```
        """,
    "code-block-with-options.md": """\
        ```{code-block} python <<<
        :caption: src/sums.py

        x = 1
        ```
        """,
    "code.md": """\
        ```{code} python <<<
        x = 1
        ```
        """,
    "sourcecode.md": """\
        ```{sourcecode} python <<<
        x = 1
        ```
        """,
    "parsed-literal.md": """\
        ```{parsed-literal} <<<
        x = *1*
        ```
        """,
    "in-nested-list.md": """\
        - one

          - two

            ```python <<<
            x = 1
            ```
        """,
    "in-quote.md": """\
        > Some words.
        >
        > ```python <<<
        > x = 1
        > ```
        """,
    "in-tab.md": """\
        ````{tab-set}
        ```{tab-item} One
        Some words.
        ```
        ```{tab-item} Two
            x = 1 <<<
        ```
        ````
        """,
    "in-drop-down.md": """\
        ````{dropdown} More
        ```python <<<
        x = 1
        ```
        ````
        """,
    "in-table.md": """\
        ````{list-table}
        * - one
          - ```python <<<
            x = 1
            ```
        ````
        """,
    "in-footnote.md": """\
        Some words[^1].

        [^1]: More.

            ```python <<<
            x = 1
            ```
        """,
    "in-only.md": """\
        ````{only} html
        ```python <<<
        x = 1
        ```
        ````
        """,
    "in-figure.md": """\
        ````{figure} picture.svg
        The caption.

        ```python <<<
        x = 1
        ```
        ````
        """,
    "pycon.md": """\
        ```pycon <<<
        >>> 1 + 1
        2
        ```
        """,
    "doctest.md": """\
        ```{doctest}
        >>> 1 + 1 <<<
        2
        ```
        """,
    "hidden-doctest.md": """\
        ```{doctest}
        :hide:

        >>> 1 + 1 <<<
        2
        ```
        """,
    "include-literal.md": """\
        ```{include} ../parts/code.py <<<
        :literal:
        ```
        """,
    "include-code.md": """\
        ```{include} ../parts/code.py <<<
        :code: python
        ```
        """,
    "raw.md": """\
        ```{raw} html <<<
        <pre>x = 1</pre>
        ```
        """,
    "raw-of-another-format.md": """\
        ```{raw} latex <<<
        x
        ```
        """,
    "html.md": """\
        Some words.

        <pre>x = 1</pre> <<<
        """,
    "html-in-line.md": """\
        Some <code>x = 1</code> words. <<<
        """,
    "html-comment.md": """\
        Some words.

        <!-- x = 1 --> <<<
        """,
    "rst-in-markdown.md": """\
        ````{eval-rst}
        Some words::

            x = 1 <<<
        ````
        """,
    "rst-code-block-in-markdown.md": """\
        Some words.

        ````{eval-rst}
        .. note::

            .. code-block:: python <<<

                x = 1
        ````
        """,
    "rst-doctest-in-markdown.md": """\
        ````{eval-rst}
        Some words.

        >>> 1 + 1 <<<
        2
        ````
        """,
    "literal.rst": """\
        Some words::

            x = 1 <<<
        """,
    "quoted-literal.rst": """\
        Some words::

        > x = 1 <<<
        """,
    "rst-code-block.rst": """\
        .. code-block:: python <<<

            x = 1
        """,
    "rst-code.rst": """\
        .. code:: python <<<

            x = 1
        """,
    "rst-parsed-literal.rst": """\
        .. parsed-literal::

            x = *1* <<<
        """,
    "rst-doctest.rst": """\
        Some words.

        >>> 1 + 1 <<<
        2
        """,
    "rst-raw.rst": """\
        .. raw:: html <<<

            <pre>x = 1</pre>
        """,
    "raw-role.rst": """\
        .. role:: html(raw)
            :format: html

        Some :html:`<code>x = 1</code>` words. <<<
        """,
    "raw-substitution.rst": """\
        .. |x| raw:: html <<<

            <code>x = 1</code>

        Some |x| words.
        """,
    "rst-in-table.rst": """\
        =====  ===========
        one    ::

                 x = 1 <<<
        =====  ===========
        """,
    "rst-include-literal.rst": """\
        .. include:: ../parts/code.py <<<
            :literal:
        """,
}

OTHERWISE_REFUSED = {
    "no-prompt.md": (
        "terminal-prompt",
        """\
        ```{code-block} console
        pip install sums <<<
        ```
        """,
    ),
    "empty.md": (
        "executed-empty",
        """\
        ```{testcode}
        ``` <<<
        """,
    ),
    "skipped-if.md": (
        "executed-skipped",
        """\
        ```{testcode}
        :skipif: True

        x = 1 <<<
        ```
        """,
    ),
    "setup-skipped-if.md": (
        "executed-skipped",
        """\
        ```{testsetup}
        :skipif: False

        x = 1 <<<
        ```
        """,
    ),
    "skipped.md": (
        "executed-skipped",
        """\
        ```{testcode}
        print(1)
        ```
        ```{testoutput}
        :options: +SKIP

        1 <<<
        ```
        """,
    ),
    "detail-ignored.md": (
        "executed-skipped",
        """\
        ```{testcode}
        print(1)
        ```
        ```{testoutput}
        :options: +IGNORE_EXCEPTION_DETAIL

        1 <<<
        ```
        """,
    ),
    "skipped-by-comment.md": (
        "executed-skipped",
        """\
        ```{testcode}
        x = 1 # doctest: +SKIP <<<
        ```
        """,
    ),
    "output-of-dots.md": (
        "output-matches-all",
        """\
        ```{testcode}
        print(1)
        ```
        ```{testoutput}
        ... <<<
        ...
        ```
        """,
    ),
    "error-of-dots.md": (
        "output-matches-all",
        """\
        ```{testcode}
        int("x")
        ```
        ```{testoutput}
        Traceback (most recent call last): <<<
            ...
        ValueError: ...
        ```
        """,
    ),
    "terminal-of-dots.md": (
        "output-matches-all",
        """\
        ```{code-block} console
        $ true
        $ python --version <<<
        ...
        ```
        """,
    ),
    "orphan.md": (
        "output-orphan",
        """\
        ```{testoutput}
        1 <<<
        ```
        """,
    ),
    "orphan-of-its-group.md": (
        "output-orphan",
        """\
        ```{testcode} one
        print(1)
        ```
        ```{testoutput} two
        1 <<<
        ```
        """,
    ),
    "orphan-of-hidden-setup.md": (
        "output-orphan",
        """\
        ```{testsetup}
        print(1)
        ```
        ```{testoutput}
        1 <<<
        ```
        """,
    ),
    "doubled.md": (
        "output-doubled",
        """\
        ```{testcode}
        print(1)
        ```
        ```{testoutput}
        1
        ```
        ```{testoutput}
        1 <<<
        ```
        """,
    ),
    "doubled-and-hidden.md": (
        "output-doubled",
        """\
        ```{testcode}
        print(1)
        ```
        ```{testoutput}
        1
        ```

        Some words.

        ```{testoutput}
        :hide:

        1 <<<
        ```
        """,
    ),
    "all-groups-and-none.md": (
        "executed-no-group",
        """\
        ```{testcode} *
        x = 1 <<<
        ```
        """,
    ),
}

INCLUDING = {
    "including.md": ("```{include} ../parts/block.md\n```\n", "parts/block.md", 3),
    "including-rst.md": (
        "```{eval-rst}\n.. include:: ../parts/block.rst\n```\n",
        "parts/block.rst",
        3,
    ),
    "including-output.md": ("```{include} ../parts/output.md\n```\n", "parts/output.md", 2),
    "rst-including.rst": (".. include:: ../parts/block.rst\n", "parts/block.rst", 3),
}

SHOWS_NO_CODE = """\
    # A page

    % a comment
    % x = 1

    Words, `x = 1` in a line, and a formula.

    ```{math}
    x = 1
    ```

    ```{eval-rst}
    .. x = 1

    .. py:function:: light(lamp: str = "red", *more, **others) -> None

    .. productionlist::
       light: "red" | "green"
    ```
    """


@pytest.fixture(scope="module")
def built(make_project: Callable[[], Project]) -> Build:
    project = make_project()
    project.write(INCLUDED)
    project.write({"pages/picture.svg": "<svg/>"})
    for name, text in UNPROVABLE.items():
        project.page(name, text.replace(HERE, ""))
    for name, (_, text) in OTHERWISE_REFUSED.items():
        groups = {"default": "sums", "one": "sums", "two": "sums"}
        project.page(name, text.replace(HERE, ""), examples=groups)
    for name, (text, _, _) in INCLUDING.items():
        project.page(name, text)
    project.page("no-code.md", SHOWS_NO_CODE)
    return project.build(evergreen_prove=False)


def _marked_line(text: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), start=1) if HERE in line)


@pytest.mark.parametrize("name", UNPROVABLE)
def test_code_that_nothing_proves_is_refused(built: Build, name: str):
    line = _marked_line(UNPROVABLE[name])
    # A page may have several problems on one line: before and after a piece of raw HTML.
    assert set(built.problems(name)) == {(f"pages/{name}", line, "block-unprovable")}


def test_what_is_written_in_html_is_to_be_written_in_the_pages_markup(built: Build):
    (problem,) = built.page("html-comment.md").problems
    assert problem.remedy.startswith(
        "Write it in the page's own markup; a comment begins with '%'"
    )


@pytest.mark.parametrize("name", OTHERWISE_REFUSED)
def test_a_block_that_hides_something_is_refused(built: Build, name: str):
    kind, text = OTHERWISE_REFUSED[name]
    # The front matter takes three lines and the blank one below it.
    line = _marked_line(text) + 6
    assert built.problems(name) == [(f"pages/{name}", line, kind)]


@pytest.mark.parametrize("name", INCLUDING)
def test_code_in_an_included_file_is_refused_at_its_place_there(built: Build, name: str):
    _, path, line = INCLUDING[name]
    assert [(each.path, each.line) for each in built.page(name).problems] == [(path, line)]


def test_comments_formulas_signatures_and_code_in_a_line_are_no_blocks(built: Build):
    assert built.problems("no-code.md") == []


def test_what_docutils_cannot_read_is_no_block(project: Project):
    project.page("misspelt.rst", ".. testcod::\n\n   print(1)\n")
    build = project.build(evergreen_prove=False)
    assert build.problems("misspelt.rst") == []
    assert 'Unknown directive type "testcod"' in build.warnings[0]


def test_a_block_in_a_docstring_is_found(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(project.folder)
    project.write(
        {
            "lighthouse.py": """\
                def light():
                    '''Light it.

                    .. testcode::

                        print(1)

                    Then::

                        x = 1
                    '''
                """
        }
    )
    project.write({"pages/lighthouse.rst": ".. autofunction:: lighthouse.light\n"})
    extensions = ["myst_parser", "sphinx.ext.autodoc", "evergreen"]
    page = project.build(evergreen_prove=False, extensions=extensions).page("lighthouse.rst")
    del sys.modules["lighthouse"]
    (group,) = page.groups
    path = "lighthouse.py:docstring of lighthouse.light"
    assert [(code.path, code.text) for code in group.codes] == [(path, "print(1)")]
    assert {(each.path, each.kind) for each in page.problems} == {
        (path, "front-matter"),
        (path, "block-unprovable"),
    }
