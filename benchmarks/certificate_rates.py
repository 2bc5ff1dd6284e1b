"""How often the certificate's rule is right and wrong: python -m benchmarks.certificate_rates

Made-up experiments with mini's spread over users, training seeds and the rest, in four worlds whose
truth is known. The table of docs/certificate.md; about eight CPU minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.reports.certificate.rule import Carries, Explains, Gap, carries, explains
from harness.statistics import MEAN, Array, Comparison, Interval, Panel, compare, interval

MARGIN = 2.0
USER_SD, SEED_SD, REST_SD = 12.0, 2.5, 14.0
"""Standard deviations of preferences followed on mini, in points."""
SWAP_SD = 1.0
"""Of own − another user's thoughts, over training seeds."""


@dataclass(frozen=True)
class World:
    """A truth: effects in points over sft, and the right answers.

    gain: of the method. flops, parameters: of the two arms. swap: own − another user's thoughts.
    """

    gain: float
    flops: float
    parameters: float
    swap: float
    carries: Carries
    explains: Explains


WORLDS = {
    "no gain, thoughts of no use": World(0, 0, 0, 0, "NO", "NOTHING TO EXPLAIN"),
    "a gain of arithmetic": World(8, 8, 8, 0, "NO", "COMPUTE"),
    "a gain of parameters": World(8, 0, 8, 0, "NO", "COMPUTE"),
    "a gain of thoughts": World(8, 0, 0, 8, "YES", "MORE THAN COMPUTE"),
}


@dataclass(frozen=True)
class Rates:
    """Shares of experiments: both answers right; at least one wrong."""

    right: float
    wrong: float


def rates(name: str, users: int, seeds: int, experiments: int) -> Rates:
    """What the rule answers in a world, over made-up experiments."""
    world, rng = WORLDS[name], np.random.default_rng([users, seeds, len(name)])
    right = wrong = 0
    for _ in range(experiments):
        carried, explained = _experiment(rng, world, users, seeds)
        right += (carried, explained) == (world.carries, world.explains)
        wrong += carried not in (world.carries, "CANNOT TELL") or explained not in (
            world.explains,
            "CANNOT TELL",
        )
    return Rates(right / experiments, wrong / experiments)


def _experiment(
    rng: np.random.Generator, world: World, users: int, seeds: int
) -> tuple[Carries, Explains]:
    panel = Panel(tuple(map(str, range(users))), "simulated", resamples=500, trials=200)
    shared = rng.normal(0, USER_SD, users)
    method = _system(rng, shared, world.gain, seeds)
    gaps = [
        _gap(compare(MEAN, method, _system(rng, shared, effect, seeds), panel))
        for effect in (0.0, world.flops, world.parameters)
    ]
    swap = world.swap + rng.normal(0, SWAP_SD, (seeds, 1)) + rng.normal(0, REST_SD, (seeds, users))
    own = _gap(interval(MEAN, _rows(swap), panel))
    return carries(own, MARGIN), explains(gaps[0], gaps[1:], MARGIN)


def _system(rng: np.random.Generator, users: Array, effect: float, seeds: int) -> Array:
    """Rows of a system: users are shared by all, seeds and the rest are its own."""
    of_seeds = rng.normal(0, SEED_SD, (seeds, 1))
    return _rows(70 + effect + users + of_seeds + rng.normal(0, REST_SD, (seeds, len(users))))


def _rows(values: Array) -> Array:
    return np.stack([values, np.ones_like(values)], axis=-1)


def _gap(found: Comparison | Interval) -> Gap:
    value = found.difference if isinstance(found, Comparison) else found.value
    return Gap("", value, found.low, found.high)


def table(experiments: int = 200) -> list[str]:
    """Markdown: right / wrong, in percent, in each world and sample."""
    samples = [(100, 3), (100, 5), (100, 10), (100, 30), (300, 100)]
    heads = [f"{users} users, {seeds} seeds" for users, seeds in samples]
    lines = [f"| truth | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for name in WORLDS:
        found = [rates(name, users, seeds, experiments) for users, seeds in samples]
        cells = [f"{100 * one.right:.0f} / {100 * one.wrong:.1f}" for one in found]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    print("\n".join(table()))
