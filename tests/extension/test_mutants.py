"""Published code is changed one place at a time, and what no test notices is told."""

from __future__ import annotations

import ast
import itertools
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from evergreen import mutants as command
from evergreen.attempt import attempt
from evergreen.equivalents import read_listed
from evergreen.example import environment_for_extension, find_examples
from evergreen.mutation import (
    OPERATORS,
    mutate,
    mutate_assertions,
    mutate_literals,
    mutate_output,
)
from evergreen.schemata import reach, read_told

if TYPE_CHECKING:
    from conftest import Project

# What each operator makes of a source, in the order of its lines.
CHANGES = {
    "number": [
        ("x = f(1_000)", ["x = f(1001)", "x = f(999)"]),
        ("x = -0.5", ["x = -1.5", "x = -(-0.5)"]),
        ("x = True", []),
    ],
    "string": [
        ('x = "a" "b"', ['x = "XXa" "b"']),
        ("x = rb'''a'''", ["x = rb'''XXa'''"]),
        ('x = f"{y["a"]} is {1}"' if sys.version_info >= (3, 12) else "x = f'{y} is {1}'", None),
        ('"""Says something."""', []),
    ],
    "keyword": [
        ("x = f(True, y=False)", ["x = f(False, y=False)", "x = f(True, y=True)"]),
        ("x = None", ['x = ""']),
        ("f(y=None)", ['f(y="")']),
        ("x: int | None = None", ['x: int | None = ""']),
        ("x is None", []),
    ],
    "comparison": [
        ("x < y <= z", ["x <= y <= z", "x < y < z"]),
        ("x > y >= z", ["x >= y >= z", "x > y > z"]),
        ("(x) == (y)", ["(x) != (y)"]),
        ("x != y", ["x == y"]),
        ("x is not y", ["x is y"]),
        ("x is y", ["x is not y"]),
        ("x not  in y", ["x in y"]),
        ("x in y", ["x not in y"]),
    ],
    "boolean": [("x and y and z", ["x or y and z", "x and y or z"]), ("x or y", ["x and y"])],
    "negation": [("x = not (y or z)", ["x = (y or z)"]), ("x = -y", [])],
    "arithmetic": [
        ("x + y - z", ["x + y + z", "x - y - z"]),
        ("x *= y", ["x /= y"]),
        ("x @ y", []),
        ("x @= y", []),
    ],
    "returned value": [
        ("def f(): return 1", ["def f(): return None"]),
        ("def f(): return None", ['def f(): return ""']),
        ("def f(): return", []),
    ],
    "deleted statement": [
        ("f()", ["pass"]),
        ("x = 1", ["pass"]),
        ("x += 1", ["pass"]),
        ("x: int = 1", ["pass"]),
        ("raise x", ["pass"]),
        ("del x", ["pass"]),
        ("for x in y: break", ["for x in y: pass"]),
        ("for x in y: continue", ["for x in y: pass"]),
        ("def f(): return", ["def f(): pass"]),
        ("x: int", []),
        ("pass", []),
        ("import x", []),
        ("'text'", []),
    ],
    "condition": [
        ("if x: f()", ["if True: f()", "if False: f()"]),
        ("while x: f()", ["while True: f()", "while False: f()"]),
        ("while True: f()", []),
        ("x = y if z else 0", ["x = y if True else 0", "x = y if False else 0"]),
        ("[x for x in y if x]", ["[x for x in y if True]", "[x for x in y if False]"]),
    ],
    "empty loop": [("for x in y: f()", ["for x in (): f()"])],
    "case": [
        ("match x:\n    case 1: f()", ["case 1 if False: f()"]),
        ("match x:\n    case y if y: f()", ["case y if True: f()", "case y if False: f()"]),
    ],
    "exception": [
        ("try: f()\nexcept A: g()", ["except (): g()"]),
        ("try: f()\nexcept (A, B): g()", ["except (B,): g()", "except (A,): g()"]),
        ("try: f()\nexcept (A,): g()", ["except (): g()"]),
        ("try: f()\nexcept: g()", []),
    ],
    "decorator": [("@a\n@b(1)\ndef f(): pass", ["", ""])],
    "swapped arguments": [
        ("f(x, y, z=1)", ["f(y, x, z=1)"]),
        ("f(x,\n  y)", ["f(y,\nx)"]),
        ("f(*x, y)", []),
        ("f(x, x)", []),
    ],
}


@pytest.mark.parametrize(
    ("operator", "source", "expected"),
    [(name, source, after) for name, each in CHANGES.items() for source, after in each],
)
def test_operator(operator: str, source: str, expected: list[str] | None):
    mutations = [each for each in mutate(source) if each.operator == operator]
    if expected is None:
        (mutation,) = mutations
        assert mutation.after == source.replace("f", "f", 1).replace("f'", "f'XX").replace(
            'f"', 'f"XX'
        )
    else:
        assert sorted(each.after for each in mutations) == sorted(expected)
    for each in mutations:
        ast.parse(each.text)


def test_every_operator_is_tested():
    assert set(CHANGES) == set(OPERATORS)


def test_what_python_does_not_act_on_is_not_changed():
    source = '''\
"""Add."""
from typing import TypeAlias

Pair: TypeAlias = dict["str", "int"]


def add(a: "int" = 1, *, b: tuple["int", ...]) -> "int":
    """Return 1 or "2"."""
'''
    assert [each.after for each in mutate(source) if each.operator != "deleted statement"] == [
        'def add(a: "int" = 2, *, b: tuple["int", ...]) -> "int":',
        'def add(a: "int" = 0, *, b: tuple["int", ...]) -> "int":',
    ]


def test_a_mutation_says_where_it_is():
    source = "class A:\n    def f(self):\n        é = 'é'; g(1)\n"
    places = {(each.symbol, each.line, each.before) for each in mutate(source)}
    assert places == {("A.f", 3, "é = 'é'; g(1)")}


def test_a_literal_of_a_block_is_changed_in_one_way():
    changed = [each.after for each in mutate_literals("if f(1) > 2: g('a', True)")]
    assert sorted(changed) == [
        "if f(1) > 2: g('XXa', True)",
        "if f(1) > 2: g('a', False)",
        "if f(1) > 3: g('a', True)",
        "if f(2) > 2: g('a', True)",
    ]


def test_of_a_test_what_assertions_compare_is_changed():
    source = "x = f(1)\nassert x == 2, 'message'\nmocked.assert_called_with('a')\nassert_it(3)\n"
    assert [each.after for each in mutate_assertions(source)] == [
        "assert x == 3, 'message'",
        "mocked.assert_called_with('XXa')",
    ]


def test_each_word_and_number_of_an_output_is_changed():
    assert [each.after for each in mutate_output("a_b: 9\n...\n", None)] == [
        "XXa_b: 9",
        "a_XXb: 9",
        "a_b: 10",
    ]
    traceback = "Traceback (most recent call last):\n  ...\nValueError: é 1\n"
    changed = [each.after for each in mutate_output(traceback, "ValueError: é 1\n")]
    assert changed == ["XXValueError: é 1", "ValueError: XXé 1", "ValueError: é 2"]


# Attempts.


def test_an_attempt_changes_nothing_here():
    changed: list[int] = []
    assert attempt(lambda: f"{changed.append(1)} {changed}", 10) == "None [1]"
    assert changed == []


def test_an_attempt_that_takes_too_long_is_ended():
    before = time.monotonic()
    assert attempt(lambda: str(time.sleep(60)), 0.1) is None
    assert time.monotonic() - before < 30


def test_an_attempt_that_loops_is_ended():
    assert attempt(lambda: "".join(itertools.repeat("")), 0.2) is None


def test_an_attempt_that_had_to_wait_has_another(tmp_path: Path):
    def act() -> str:
        started = len(list(tmp_path.iterdir()))
        (tmp_path / str(started)).touch()
        time.sleep(30 if started == 0 else 0)
        return "done"

    cleaned_up: list[str] = []
    assert attempt(act, 0.5, lambda: cleaned_up.append("")) == "done"
    assert len(list(tmp_path.iterdir())) == len(cleaned_up) == 2


def test_an_attempt_may_end_its_process():
    assert attempt(lambda: str(os._exit(3)), 10) == ""


def test_an_attempt_that_raises_is_no_answer():
    with pytest.raises(ChildProcessError):
        attempt(lambda: str(1 // 0), 10)


def test_what_an_attempt_starts_ends_with_it(tmp_path: Path):
    started = tmp_path / "started"
    script = f"import time; time.sleep(1); open({str(started)!r}, 'w')"
    attempt(lambda: str(subprocess.Popen([sys.executable, "-c", script]).pid), 10)
    time.sleep(2)
    assert not started.exists()


# The command.

SIZES = """\
def grade(points):
    if points > 10:
        return "good"
    return "fair"
"""
TEST_SIZES = """\
from sums import grade


def test_good():
    assert grade(20) == "good"


def test_fair():
    assert grade(5) == "fair"
"""
SUMMARY = "mutants: {} killed, {} timed out, {} equivalent, {} free, {} survived; "


class Command:
    """A project, and the command run on it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.fates = project.folder / "fates.json"
        self.status = -1

    def example(self, code: str, test: str) -> None:
        self.project.write(
            {"examples/sums/src/sums.py": code, "examples/sums/tests/test_sums.py": test}
        )

    def run(self, *arguments: str) -> list[str]:
        """Build the site and run the command; return the lines that it prints."""
        build = self.project.build()
        assert build.refusal is None, build.warnings
        done = subprocess.run(
            [
                *(sys.executable, "-m", "evergreen.mutants", "--doctrees", str(build.doctrees)),
                *("--fates", str(self.fates), *arguments),
            ],
            cwd=self.project.folder,
            # `make coverage` measures it.
            env={**os.environ, **environment_for_extension()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.status = done.returncode
        return done.stdout.strip().splitlines()

    def outcomes(self) -> dict[str, str]:
        data = json.loads(self.fates.read_text())
        return {name.partition(": ")[2]: fate["outcome"] for name, fate in data.items()}


@pytest.fixture
def mutants(project: Project) -> Command:
    return Command(project)


def test_what_tests_notice_is_killed(mutants: Command):
    *_, summary = mutants.run()

    assert mutants.status == 0
    assert mutants.outcomes() == {
        "add: return a + b -> return a - b": "killed",
        "add: return a + b -> return None": "killed",
    }
    assert SUMMARY.format(2, 0, 0, 0, 0) in summary
    assert summary.endswith(" a second")


def test_a_test_may_have_a_temporary_folder(mutants: Command):
    test = "from sums import add\n\n\ndef test_add(tmp_path):\n    assert add(1, 2) == 3\n"
    mutants.project.write({"examples/sums/tests/test_sums.py": test})
    *_, summary = mutants.run()

    assert mutants.status == 0
    assert SUMMARY.format(2, 0, 0, 0, 0) in summary


def test_a_survivor_is_told_with_its_place_its_diff_and_its_tests(mutants: Command):
    mutants.example(SIZES, TEST_SIZES)
    printed = mutants.run()

    assert mutants.status == 1
    first = printed.index(
        "pages/sums.md:3: examples/sums/src/sums.py:2 may be changed (number) and no test"
        " notices. Have a test look, or list it in mutants.toml of the example with the reason."
    )
    assert printed[first + 1 : first + 9] == [
        "    --- examples/sums/src/sums.py",
        "    +++ examples/sums/src/sums.py",
        "    @@ -2 +2 @@",
        "    -    if points > 10:",
        "    +    if points > 11:",
        "  These ran it:",
        "    examples/sums/tests/test_sums.py::test_fair",
        "    examples/sums/tests/test_sums.py::test_good",
    ]
    # Ten itself, which no test tries, is what all three are about.
    assert SUMMARY.format(6, 0, 0, 0, 3) in printed[-1]


EQUIVALENT = """\
[[equivalent]]
file = "src/sums.py"
symbol = "grade"
before = "if points > 10:"
after = "if points {}:"
reason = "Nobody has ten points."
"""


def test_an_equivalent_is_listed_with_the_reason(mutants: Command):
    mutants.example(SIZES, TEST_SIZES)
    entries = [EQUIVALENT.format(after) for after in ("> 9", "> 11", ">= 10")]
    mutants.project.write({"examples/sums/mutants.toml": "\n".join(entries)})
    *_, summary = mutants.run()

    assert mutants.status == 0
    assert SUMMARY.format(6, 0, 3, 0, 0) in summary


def test_a_listed_mutant_that_is_killed_or_gone_is_an_error(mutants: Command):
    entry = EQUIVALENT.replace("grade", "add").replace("if points > 10:", "return a + b")
    entries = [entry.replace("if points {}:", after) for after in ("return a - b", "return b")]
    mutants.project.write({"examples/sums/mutants.toml": "\n".join(entries)})
    printed = mutants.run()

    assert mutants.status == 1
    listed = "examples/sums/mutants.toml:1: listed as equivalent, and"
    where = "examples/sums/src/sums.py: add: return a + b ->"
    assert printed[:-1] == [
        f"{listed} the mutant is killed by examples/sums/tests/test_sums.py::test_add:"
        f" {where} return a - b. Remove the entry.",
        f"{listed} there is no such mutant: {where} return b. Remove the entry.",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[equivalent", "not a TOML file"),
        ('[[equivalent]]\nfile = "src/sums.py"\n', "an entry needs after, before, file, reason"),
        (EQUIVALENT.replace("Nobody has ten points.", " "), "the entry of .* gives no reason"),
        ('[[free]]\nchanges = ["x"]\n', "an entry of what is free needs a list of changes and a"),
        ('[[free]]\nchanges = "x"\nreason = "y"\n', "an entry of what is free needs a list"),
        ('[[free]]\nchanges = ["x"]\nreason = ""\n', "the entry of .* gives no reason"),
    ],
)
def test_a_list_that_cannot_be_read_is_told(project: Project, text: str, message: str):
    project.write({"examples/sums/mutants.toml": text})
    examples = find_examples(project.folder / "examples")
    with pytest.raises(ValueError, match=f"^examples/sums/mutants.toml: {message}"):
        read_listed(examples.values(), project.folder)


def test_a_test_that_starts_a_process_notices(mutants: Command):
    code = "import sys\n\nprint(len(sys.argv))\n"
    test = """\
    import subprocess
    import sys
    from pathlib import Path


    def test_command():
        file = Path(__file__).parents[1] / "src/sums.py"
        printed = subprocess.check_output([sys.executable, file, "one"], text=True)
        assert printed == "2\\n"
    """
    mutants.example(code, test)
    printed = mutants.run()
    assert mutants.status == 0, printed


def test_a_page_that_uses_what_is_made_at_import_notices(mutants: Command):
    code = """\
    import dataclasses


    @dataclasses.dataclass
    class Oven:
        degrees: int = 20

        def off(self):
            return None
    """
    test = "from sums import Oven\n\n\ndef test_oven():\n    assert Oven(3).off() is None\n"
    mutants.example(code, test)
    page = """\
    # Page

    ```{testcode}
    from sums import Oven
    print(Oven())
    ```

    ```{testoutput}
    Oven(degrees=20)
    ```
    """
    mutants.project.page("page.md", page, {"default": "sums"})
    mutants.run()
    outcomes = mutants.outcomes()
    assert outcomes["Oven: degrees: int = 20 -> degrees: int = 21"] == "killed"


def test_what_only_a_page_runs_may_survive(mutants: Command):
    code = "def add(a, b):\n    return a + b\n\n\ndef say(word):\n    return word\n"
    mutants.example(code, "from sums import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n")
    block = "```{testcode}\nfrom sums import say\nprint(len([say('so')]))\n```\n"
    page = f"# Page\n\n{block}\n```{{testoutput}}\n1\n```\n"
    mutants.project.page("page.md", page, {"default": "sums"})
    printed = mutants.run()
    assert mutants.status == 1
    assert printed[0].startswith("pages/sums.md:3: examples/sums/src/sums.py:6 may be changed")
    assert printed[-2].strip() == "pages/page.md::default"


def test_what_runs_at_import_in_no_example_has_no_more_tests(mutants: Command):
    shown = "# Page\n\n```{literalinclude} ../%s\n```\n"
    proof, value, test = "proofs/test_a.py", "examples/a/a.py", "examples/a/tests/test_a.py"
    mutants.project.write(
        {
            proof: "WORD = 'so'\nassert WORD == 'so'\n\n\ndef test_word():\n    assert WORD\n",
            value: "A = 1\n\n\ndef a():\n    return A\n",
            test: "from a import a\n\n\ndef test_a():\n    assert a() == 1\n",
            "examples/a/pyproject.toml": "",
            **{f"pages/{n}.md": shown % name for n, name in enumerate((proof, value))},
        }
    )
    build = mutants.project.build(evergreen_proofs={proof: []})
    assert build.refusal is None, build.warnings
    mutants.project.build = lambda: build  # type: ignore[method-assign]
    mutants.run()
    assert mutants.status == 0


def test_an_example_that_has_changed_since_the_build_is_not_tried(mutants: Command):
    build = mutants.project.build()
    mutants.example("# Words.\ndef add(a, b):\n    return a + b\n", "from sums import add\n")
    mutants.project.build = lambda: build  # type: ignore[method-assign]
    assert mutants.run() == [
        "evergreen.mutants: the example 'sums' is another since the build: build the site again"
    ]
    assert mutants.status == 2


def test_a_mutant_that_never_ends_is_ended(mutants: Command):
    code = "def add(a, b):\n    while b > 0:\n        a, b = a + 1, b - 1\n    return a\n"
    mutants.example(code, "from sums import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n")
    mutants.run()

    outcomes = mutants.outcomes()
    assert outcomes["add: while b > 0: -> while True:"] == "timed out"
    assert outcomes["add: a, b = a + 1, b - 1 -> a, b = a + 1, b + 1"] == "timed out"
    assert outcomes["add: while b > 0: -> while False:"] == "killed"


def test_only_what_changed_is_tried_again(mutants: Command):
    mutants.example(SIZES, TEST_SIZES)
    mutants.project.write({"examples/other/pyproject.toml": '[tool.pytest]\npythonpath = ["."]\n'})
    log = mutants.project.folder / "log"
    mutants.project.write(
        {
            "examples/other/twice.py": "def twice(x):\n    return x + x\n",
            "examples/other/tests/test_twice.py": (
                "import pathlib\nimport twice\n\n\ndef test_twice():\n"
                f"    with pathlib.Path({str(log)!r}).open('a') as log:\n"
                "        log.write('ran\\n')\n    assert twice.twice(2) == 4\n"
            ),
        }
    )
    shown = "```{literalinclude} ../examples/other/twice.py\n```\n"
    mutants.project.page("twice.md", f"# Twice\n\n{shown}")
    mutants.run()
    # Besides the build and the run without a change, one for each of two mutants.
    assert log.read_text().count("ran") == 4
    first = mutants.outcomes()

    assert mutants.run()[-1].endswith("; all known already")
    assert mutants.outcomes() == first

    mutants.example(SIZES.replace("10", "12"), TEST_SIZES)
    mutants.project.page("twice.md", f"# Two times\n\n{shown}")
    before = log.read_text()
    printed = mutants.run()
    assert "all known" not in printed[-1]
    assert log.read_text() == before
    assert "grade: if points > 12: -> if points > 13:" in mutants.outcomes()
    assert "grade: if points > 10: -> if points > 11:" not in mutants.outcomes()


def test_fates_that_cannot_be_read_are_found_out_again(mutants: Command):
    mutants.fates.write_text('{"a": ')
    assert "all known" not in mutants.run()[-1]


def test_published_assertions_are_changed(mutants: Command):
    test = "from sums import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n    x = 4\n"
    test += "    assert 'x' not in str(x)\n"
    mutants.example("def add(a, b):\n    return a + b\n", test)
    shown = "```{literalinclude} ../examples/sums/tests/test_sums.py\n```\n"
    mutants.project.page("tests.md", f"# Tests\n\n{shown}")
    mutants.run()

    outcomes = {name: how for name, how in mutants.outcomes().items() if "test_add" in name}
    assert outcomes == {
        "test_add: assert add(1, 2) == 3 -> assert add(2, 2) == 3": "killed",
        "test_add: assert add(1, 2) == 3 -> assert add(1, 3) == 3": "killed",
        "test_add: assert add(1, 2) == 3 -> assert add(1, 2) == 4": "killed",
        "test_add: assert 'x' not in str(x) -> assert 'XXx' not in str(x)": "survived",
    }


def test_tests_in_classes_and_modules_that_import_each_other_meet_the_change(mutants: Command):
    mutants.project.write(
        {
            "examples/sums/src/numbers_of.py": "from sums import add\n\n\ndef three():\n"
            "    return add(1, 2)\n",
            "examples/sums/tests/conftest.py": "import pytest\nfrom numbers_of import three\n\n\n"
            "@pytest.fixture\ndef number():\n    return three()\n",
        }
    )
    mutants.example(
        "def add(a, b):\n    return a + b\n",
        "class TestThree:\n    def test(self, number):\n        assert number == 3\n",
    )
    mutants.run()
    assert set(mutants.outcomes().values()) == {"killed"}


BLOCKS = """\
# Blocks

```{testsetup}
import pathlib, tempfile
folder = pathlib.Path(tempfile.mkdtemp())
file = folder / "file"
```

```{testcode}
from sums import add
unused = "free"
total = add(1, 2)
print("total", total)
```

```{testoutput}
total 3
```

```{testcode}
names = ["a"]
```

```{testcode}
assert len(names) == 1
file.write_text("x")
raise ValueError(f"no {total}")
```

```{testoutput}
Traceback (most recent call last):
  ...
ValueError: no 3
```

```{testcleanup}
file.unlink()
```
"""


def test_literals_and_outputs_of_executed_blocks_are_changed(mutants: Command):
    mutants.project.page("blocks.md", BLOCKS, {"default": "sums"})
    printed = mutants.run()

    outcomes = mutants.outcomes()
    assert outcomes["default: total = add(1, 2) -> total = add(2, 2)"] == "killed"
    assert outcomes["default output: total 3 -> XXtotal 3"] == "killed"
    assert outcomes["default output: ValueError: no 3 -> ValueError: no 4"] == "killed"
    assert outcomes["default: assert len(names) == 1 -> assert len(names) == 2"] == "killed"
    assert outcomes['default: unused = "free" -> unused = "XXfree"'] == "survived"
    told = [line for line in printed if "may be changed" in line]
    starts = (
        BLOCKS[: BLOCKS.index(code)].count("\n") + 5 for code in ("unused", "names", "file.w")
    )
    for line, start in zip(told, starts, strict=True):
        place = f"pages/blocks.md:{start}"
        assert line.startswith(f"{place}: {place} may be changed (string) and no test notices.")
    assert mutants.status == 1


FREE = """\
[[free]]
changes = ['= "XXfree"', '"XXx"', "XXa"]
reason = "Nobody asks for it."
"""


def test_a_literal_that_may_be_another_is_listed_with_the_reason(mutants: Command):
    mutants.project.page("blocks.md", BLOCKS, {"default": "sums"})
    mutants.project.write({"examples/sums/mutants.toml": FREE})
    *_, summary = mutants.run()

    assert mutants.status == 0
    assert " 3 free, 0 survived; " in summary


def test_a_list_is_about_the_blocks_of_its_example_and_not_about_outputs(mutants: Command):
    mutants.project.page("blocks.md", BLOCKS, {"default": "sums"})
    other = {"pyproject.toml": "", "tests/test_it.py": "def test_it():\n    pass\n"}
    mutants.project.write({f"examples/other/{name}": text for name, text in other.items()})
    mutants.project.page(
        "other.md", "```{literalinclude} ../examples/other/tests/test_it.py\n```\n"
    )
    free = FREE.replace('"XXa"', '"XXtotal 3", "= add(2, 2)"')
    mutants.project.write(
        {"examples/sums/mutants.toml": free, "examples/other/mutants.toml": FREE}
    )
    printed = mutants.run()

    assert mutants.status == 1
    stale = [line for line in printed if "listed as free" in line]
    what = "listed as free, and no block has such a change that nothing notices: "
    assert stale == [
        f'examples/other/mutants.toml:1: {what}= "XXfree". Remove the entry.',
        f'examples/other/mutants.toml:1: {what}"XXx". Remove the entry.',
        f"examples/other/mutants.toml:1: {what}XXa. Remove the entry.",
        f"examples/sums/mutants.toml:1: {what}XXtotal 3. Remove the entry.",
        f"examples/sums/mutants.toml:1: {what}= add(2, 2). Remove the entry.",
    ]


def test_a_word_of_an_output_that_nothing_compares_survives(mutants: Command):
    page = "# Page\n\n```{testcode}\nprint('a XXb')\n```\n\n```{testoutput}\n...b\n```\n"
    mutants.project.page("page.md", page, {"default": "sums"})
    printed = mutants.run()

    assert mutants.status == 1
    assert any(line.startswith("pages/page.md:12: pages/page.md:12 may be") for line in printed)


def test_a_block_that_ends_the_process_or_never_ends_is_noticed(mutants: Command):
    page = """\
    # Page

    ```{testcode}
    import os
    left = 1
    while left != 0:
        left -= 1
    left == 1 and os._exit(0)
    print(left)
    ```

    ```{testoutput}
    0
    ```
    """
    mutants.project.page("page.md", page, {"default": "sums"})
    mutants.run()

    outcomes = mutants.outcomes()
    assert outcomes["default: while left != 0: -> while left != 1:"] == "killed"
    assert outcomes["default: left -= 1 -> left -= 2"] == "timed out"


def test_what_one_mutant_leaves_in_a_folder_another_does_not_find(mutants: Command):
    page = """\
    # Page

    ```{testcode}
    import pathlib, tempfile
    folder = pathlib.Path(tempfile.mkdtemp())
    print(len(list(folder.iterdir())))
    ```

    ```{testoutput}
    0
    ```

    ```{testcode}
    unused = ["a", "b"]
    (folder / "file").open("x").close()
    print(len(list(folder.iterdir())))
    ```

    ```{testoutput}
    1
    ```
    """
    mutants.project.page("page.md", page, {"default": "sums"})
    mutants.run()

    survived = [name for name, how in mutants.outcomes().items() if how == "survived"]
    assert survived == [
        'default: (folder / "file").open("x").close() -> (folder / "XXfile").open("x").close()',
        'default: unused = ["a", "b"] -> unused = ["XXa", "b"]',
        'default: unused = ["a", "b"] -> unused = ["a", "XXb"]',
    ]


def test_a_page_may_be_what_notices(mutants: Command):
    page = """\
    # Page

    ```{testcode}
    from sums import grade
    print(grade(10), grade(11))
    ```

    ```{testoutput}
    fair good
    ```
    """
    mutants.example(SIZES, TEST_SIZES)
    mutants.project.page("page.md", page, {"default": "sums"})
    free = '[[free]]\nchanges = ["grade(12)"]\nreason = "It is as good."\n'
    mutants.project.write({"examples/sums/mutants.toml": free})
    printed = mutants.run()

    assert mutants.status == 0, printed
    by = {fate["by"] for fate in json.loads(mutants.fates.read_text()).values()}
    assert "pages/page.md::default" in by


TEST_PROGRAM = "from sums import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
PROGRAM = """\
def add(a, b):
    return a + b


def main():
    spare = 1
    print(add(spare, 1))


if __name__ == "__main__":
    exit(main())
"""


def test_a_proof_that_starts_a_process_meets_the_change(mutants: Command):
    mutants.example(PROGRAM, TEST_PROGRAM)
    mutants.project.write(
        {
            "proofs/test_program.py": """\
            import subprocess, sys
            from pathlib import Path

            PROGRAM = Path(__file__).parents[1] / "examples/sums/src/sums.py"


            def test_program():
                done = subprocess.run([sys.executable, PROGRAM], capture_output=True)
                assert done.stdout == b"2\\n"
            """
        }
    )
    conf = mutants.project.folder / "conf.py"
    proofs = {"proofs/test_program.py": ["examples/*/src/*"]}
    conf.write_text(f"{conf.read_text()}\nevergreen_proofs = {proofs!r}\n")
    mutants.run()

    outcomes = mutants.outcomes()
    assert outcomes[': if __name__ == "__main__": -> if False:'] == "killed"
    assert outcomes[": exit(main()) -> pass"] == "killed"
    assert outcomes["main: print(add(spare, 1)) -> print(add(spare, 2))"] == "killed"
    # One plus one is one plus one the other way around.
    assert outcomes["main: print(add(spare, 1)) -> print(add(1, spare))"] == "survived"


def publish_proof(mutants: Command, test: str) -> Path:
    """Write a proof that a page shows; return the file in which it can say that it ran."""
    log = mutants.project.folder / "log"
    start = f"from pathlib import Path\nimport pytest\n\nLOG = Path({str(log)!r})\n\n"
    mutants.project.write({"proofs/test_proof.py": start + textwrap.dedent(test)})
    shown = "```{literalinclude} ../proofs/test_proof.py\n```\n"
    mutants.project.page("proof.md", f"# Proof\n\n{shown}")
    conf = mutants.project.folder / "conf.py"
    proofs = {"proofs/test_proof.py": ["examples/*/src/*"]}
    conf.write_text(f"{conf.read_text()}\nevergreen_proofs = {proofs!r}\n")
    return log


def test_assertions_of_a_proof_are_tried_in_one_run(mutants: Command):
    log = publish_proof(
        mutants,
        """\
        class TestAll:
            @pytest.mark.parametrize("number", [1, 2])
            def test_all(self, number, tmp_path):
                is_first = not LOG.exists()
                LOG.open("a").write("ran")
                for each in [1, 1]:
                    assert each + 1 == 2
                    assert number in (1, 2)
                file = tmp_path / "file"
                assert file.open("a").write("abc") == 3; assert file.read_text() == "abc"
                if is_first:
                    assert "first"
        """,
    )
    mutants.run()

    outcomes = {name: how for name, how in mutants.outcomes().items() if "test_all" in name}
    assert [name for name, how in outcomes.items() if how != "killed"] == [
        'TestAll.test_all: assert "first" -> assert "XXfirst"',
    ]
    assert len(outcomes) == 9
    # A build runs it with both numbers; one run is for all; (1, 3) and "XXfirst" are left.
    assert log.read_text().count("ran") == 2 + 1 + 2 + 1


def test_what_an_assertion_raises_may_be_caught(mutants: Command):
    publish_proof(
        mutants,
        """\
        def check(text):
            assert text == "a"


        def test_check():
            with pytest.raises(AssertionError):
                check("b")
            with pytest.raises(AssertionError):
                assert "a" == "b"
        """,
    )
    mutants.run()

    outcomes = {name: how for name, how in mutants.outcomes().items() if "check" in name}
    assert set(outcomes) == {
        'check: assert text == "a" -> assert text == "XXa"',
        'test_check: assert "a" == "b" -> assert "XXa" == "b"',
        'test_check: assert "a" == "b" -> assert "a" == "XXb"',
    }
    assert set(outcomes.values()) == {"survived"}


def test_where_one_run_for_all_fails_each_mutant_has_one(mutants: Command):
    log = publish_proof(
        mutants,
        """\
        def test_source():
            LOG.open("a").write("ran")
            assert len("a") == 1
            assert "reach" + "(" not in Path(__file__).read_text()
        """,
    )
    mutants.run()

    outcomes = {name: how for name, how in mutants.outcomes().items() if "test_source" in name}
    assert sorted(outcomes.values()) == ["killed", "killed", "survived", "survived"]
    assert log.read_text().count("ran") == 1 + 1 + 4


def test_a_statement_is_tried_until_its_change_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    told, log = tmp_path / "told", tmp_path / "log"
    told.touch()
    for number in (1, 2, 3):
        reach(
            str(told),
            "assert log.open('a').write('=')",
            {
                7: "assert log.open('a').write('!') and number < 2",
                8: "os._exit(3)",
                # As when its time is up.
                9: "import signal; signal.raise_signal(signal.SIGALRM)",
            },
        )
        assert number
    reach(str(told), "assert log.open('a').write('=')", {7: "assert False"})
    assert read_told(told) == {7}
    assert log.read_text() == "=!=!="


def test_what_a_fork_cannot_do_notices_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    told = tmp_path / "told"
    told.touch()
    here = os.getpid()
    reach(str(told), "assert os.getpid() == here", {1: "assert os.getpid() == here + 1"})
    assert here
    assert read_told(told) == set()


def test_what_runs_against_a_stand_in_is_not_changed(mutants: Command):
    conf = mutants.project.folder / "conf.py"
    stand_ins = {"examples/sums/src/*": "A stand-in."}
    conf.write_text(f"{conf.read_text()}\nevergreen_stand_ins = {stand_ins!r}\n")
    assert mutants.run()[-1].startswith("0 mutants: ")


def test_a_test_that_fails_without_a_change_is_told(mutants: Command):
    mutants.example(
        "def add(a, b):\n    return a + b\n",
        "import os\nfrom sums import add\n\n\ndef test_add():\n"
        "    assert 'FAIL' not in os.environ\n    assert add(1, 2) == 3\n",
    )
    mutants.project.build()
    with pytest.MonkeyPatch.context() as patch:
        # The evidence is there already: what is run now is not what was proven.
        patch.setenv("FAIL", "1")
        printed = mutants.run()
    assert mutants.status == 2
    assert printed[-1].startswith(
        "evergreen.mutants: examples/sums/tests/test_sums.py::test_add fails without a change"
    )


def test_tests_that_cannot_be_collected_are_told(mutants: Command):
    mutants.example(
        "def add(a, b):\n    return a + b\n",
        "import os\nfrom sums import add\n\nassert 'FAIL' not in os.environ\n\n\n"
        "def test_add():\n    assert add(1, 2) == 3\n",
    )
    mutants.project.build()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIL", "1")
        printed = mutants.run()
    assert mutants.status == 2
    assert printed[-1] == "evergreen.mutants: pytest cannot collect the tests, see above"


def test_what_no_page_shows_is_not_changed(mutants: Command):
    mutants.example(
        "def add(a, b):\n    return a + b\n\n\ndef hidden():\n    return 1\n",
        "from sums import add, hidden\n\n\ndef test():\n    assert add(1, hidden()) == 2\n",
    )
    shown = "```{literalinclude} ../examples/sums/src/sums.py\n:pyobject: add\n```\n"
    mutants.project.page("sums.md", f"# Sums\n\n{shown}")
    mutants.run()
    assert {name.partition(":")[0] for name in mutants.outcomes()} == {"add"}


def test_a_group_that_fails_without_a_change_is_told(mutants: Command):
    page = """\
    # Page

    ```{testcode}
    import os
    print("FAIL" in os.environ)
    ```

    ```{testoutput}
    False
    ```
    """
    mutants.project.page("page.md", page, {"default": "sums"})
    mutants.project.build()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIL", "1")
        printed = mutants.run()
    assert mutants.status == 2
    assert printed[-1].endswith("pages/page.md::default")


def test_without_a_build_there_is_nothing_to_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    assert command.main([]) == 2
    assert capsys.readouterr().err == (
        "evergreen.mutants: there is no _build/doctrees/environment.pickle:"
        " build the site first, or give its -d as --doctrees\n"
    )


def test_without_evidence_there_is_nothing_to_try(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    build = project.build(evergreen_prove=False)
    monkeypatch.chdir(project.folder)
    assert command.main(["--doctrees", str(build.doctrees)]) == 2
    assert "build the site first" in capsys.readouterr().err


def test_whoever_waits_for_long_is_told_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    seconds = iter([0.0, 4.9, 5.0, 5.0, 9.9, 10.0, 10.0])
    monkeypatch.setattr(command, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    progress = command._Progress(5)
    for _ in range(4):
        progress.step()
    assert capfd.readouterr().err == "2 of 5 mutants tried\n4 of 5 mutants tried\n"
