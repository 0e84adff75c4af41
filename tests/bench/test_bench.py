"""The benchmark runs, and every way runs all that it should."""

import sys
from pathlib import Path

import pytest


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    import bench

    yield bench
    del sys.modules["bench"]


def test_every_way_is_measured(bench, tmp_path: Path):
    samples = bench.measure(tmp_path, 1, 1)

    assert {len(of_way) for of_way in samples.values()} == {1}
    table = bench.table_of_ways(1, samples)
    assert all(f"| {way} |" in table for way in samples)
    assert "cold / sphinx-build -b doctest -E" in bench.table_of_aims({1: samples})


def test_a_way_that_runs_nothing_is_noticed(bench, tmp_path: Path):
    (tmp_path / "a/b").mkdir(parents=True)
    way = bench.Way("idle", tmp_path / "a/b", ["-c", "print('0 passed')"], "5 passed")

    with pytest.raises(RuntimeError, match="idle: no '5 passed' in\n0 passed"):
        bench.run(way)
