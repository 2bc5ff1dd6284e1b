"""Simulated experiments: intervals hold the truth in 95 %, equal methods rarely get a verdict.

The slow tests make the tables of docs/metrics.md:
    python -m pytest tests/statistics/test_simulation.py -m slow -s
"""

from __future__ import annotations

import numpy as np
import pytest

from harness.metrics.bleu import Bleu
from harness.statistics import Panel, Statistic, interval
from tests.support.experiments import Design, coverage, equal_methods
from tests.support.texts import real_pairs
from tests.support.texts import rows as rows_of_texts

SPREAD = 3.5
SEEDS = (
    ((1, 1), SPREAD, True), ((3, 3), 0.0, True), ((3, 3), SPREAD, True), ((5, 5), 0.0, True),
    ((5, 5), SPREAD, True), ((3, 1), 0.0, False), ((3, 1), SPREAD, False),
)  # fmt: skip
"""Training seeds of both sides, spread over them, and whether the second side is trained."""


@pytest.mark.parametrize(
    "design",
    [
        Design(20, (3, 1), SPREAD, "normal", trained=False),
        Design(60, (3, 3), SPREAD, "skewed"),
        Design(200, (1, 1), SPREAD, "sparse"),
    ],
)
def test_intervals_cover(design):
    found = coverage(design, 300)
    assert 0.92 <= found.covered <= 0.985
    assert found.valid > 0.95


def test_sparse_differences_of_few_users_have_no_interval():
    assert coverage(Design(20, (1, 1), 0.0, "sparse"), 50).valid == 0


def test_equal_methods_rarely_get_a_verdict_about_methods():
    # one seed each: checkpoints do differ, and the verdict says that it is about them
    assert equal_methods((1, 1), True, 100)[0] == 0
    assert equal_methods((1, 1), True, 100)[1] > 0.4
    assert equal_methods((3, 3), True, 200)[0] <= 0.08


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "seed_sd", "trained"), SEEDS)
@pytest.mark.parametrize(
    ("scores", "users"),
    [("normal", (20, 60, 200)), ("skewed", (20, 60, 200)), ("sparse", (100, 200)),
     ("sparse, both signs", (100, 200))],
)  # fmt: skip
def test_coverage_table(scores, users, seeds, seed_sd, trained):
    cells = [coverage(Design(each, seeds, seed_sd, scores, trained), 2000) for each in users]
    shown = " | ".join(
        f"{100 * cell.covered:.1f}" + (f" ({100 * cell.valid:.0f})" if cell.valid < 0.995 else "")
        for cell in cells
    )
    print(f"\n| {scores} | {seeds[0]} : {seeds[1]} | {seed_sd:g} | {shown} |")
    assert all(0.92 <= cell.covered <= 0.995 for cell in cells)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "trained"),
    [((1, 1), True), ((3, 1), False), ((3, 3), True), ((5, 5), True), ((3, 3, 3, 3, 3, 3), True)],
)
def test_false_positive_table(seeds, trained):
    methods, checkpoints = equal_methods(seeds, trained, 2000)
    print(f"\n| {' : '.join(map(str, seeds))} | {100 * methods:.1f} | {100 * checkpoints:.1f} |")
    assert methods <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 2000)


@pytest.mark.slow
@pytest.mark.parametrize("users", [20, 50, 100])
def test_coverage_of_corpus_bleu(users):
    """Users drawn from a large population of users; the true value is the population's BLEU."""
    population = rows_of_texts(Bleu(), *real_pairs())
    true = float(Bleu().value(population.sum(axis=0)))
    rng = np.random.default_rng(4)
    names = tuple(map(str, range(users)))
    covered = 0
    for experiment in range(2000):
        drawn = population[rng.integers(len(population), size=users)]
        panel = Panel(names, f"simulation {experiment % 8}", 400)
        found = interval(Statistic(Bleu().value), drawn, panel)
        covered += found.low <= true <= found.high
    print(f"\n| corpus BLEU, {users} users | {covered / 20:.1f} |")
    assert 0.93 <= covered / 2000 <= 0.975
