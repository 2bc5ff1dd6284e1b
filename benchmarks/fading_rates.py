"""Error rates of the answer to "at which token does the user fade?", on planted gains.

    python -m benchmarks.fading_rates [PANELS]

Prints the table of docs/metrics.md. A text's gain at a token is its user's level, times what is
left there, plus noise that is as large as on mini.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass

import numpy as np

from harness.statistics import Array, Panel, changepoint
from harness.statistics.positions import cells_of

GAIN, LEVELS, NOISE = 0.14, 0.03, 0.87
"""Nats per slice token, as measured for sft on mini: the mean gain, its standard deviation over
users, and that of a token around its text's mean."""
EARLY = 2 * GAIN
"""A gain that is gone in the second half of a text, with the same mean over the whole."""
HEAVY = 3
"""Degrees of freedom of the noise, Student's t: a few tokens hold much of the gain."""
SHARED = 0.9
"""Share of a token's noise, in standard deviations, that all training seeds have in common."""
CLOSE = 10
"""Tokens by which an onset may be wrong."""


@dataclass(frozen=True)
class World:
    """One kind of planted panel.

    onset: token from which the gain falls; None for no fall. width: tokens over which it falls.
    left: share of the gain that is left after it. users: their number. seeds: training seeds.
    """

    name: str
    onset: int | None = None
    width: int = 0
    left: float = 0.0
    users: int = 100
    seeds: int = 1
    gain: float = GAIN


WORLDS = (
    World("no fall"),
    World("no fall, 3 seeds", seeds=3),
    World("no fall, 20 users", users=20),
    World("no gain", gain=0.0),
    World("to nothing at token 150", 150, gain=EARLY),
    World("to nothing at token 150, 3 seeds", 150, seeds=3, gain=EARLY),
    World("to a quarter at token 150", 150, left=0.25, gain=EARLY),
    World("to nothing over tokens 150–200", 150, 50, gain=EARLY),
    World("to nothing over tokens 100–300", 100, 200, gain=EARLY),
    World("as on mini: 1.0 to 0.08 at token 25", 25, left=0.08, gain=1.0),
)


def answered(world: World, number: int) -> changepoint.Fading:
    """The answer on the `number`th panel of a world."""
    rng = np.random.default_rng([number, *map(ord, world.name)])
    lengths = rng.integers(330, 420, world.users)
    levels = rng.normal(world.gain, LEVELS if world.gain else 0.0, world.users)
    texts = []
    for length, level in zip(lengths, levels, strict=True):
        tokens = np.arange(length)
        past = np.zeros(length)
        if world.onset is not None:
            past = np.clip((tokens - world.onset) / max(world.width, 1), 0, 1)
        mean = level * (1 - (1 - world.left) * past)
        shared = _noise(rng, length, SHARED)
        rest = np.sqrt(1 - SHARED**2)
        texts.append([mean + shared + _noise(rng, length, rest) for _ in range(world.seeds)])
    users = tuple(map(str, range(world.users)))
    cells = cells_of(list(zip(*texts, strict=True)), users)
    assert cells is not None
    panel = Panel(users, f"{world.name} {number}", resamples=500)
    return changepoint.fading(cells, panel, trained=True)


def _noise(rng: np.random.Generator, length: int, share: float) -> Array:
    """Heavy-tailed noise with this share of `NOISE`."""
    deviation = np.sqrt(HEAVY / (HEAVY - 2))
    return np.asarray(rng.standard_t(HEAVY, length) * NOISE * share / deviation)


def rates(world: World, panels: int) -> dict[str, float]:
    """Shares of the answers; of those that fade, how many onsets are close and how many covered."""
    found = [answered(world, number) for number in range(panels)]
    count = Counter(each.answer for each in found)
    fades = [each for each in found if each.answer == "fades"]
    at = world.onset or 0
    return {
        "fades": count["fades"] / panels,
        "does not fade": count["does not fade"] / panels,
        "cannot tell": count["cannot tell"] / panels,
        "close": sum(abs(each.onset - at) <= CLOSE for each in fades) / panels,
        "covered": sum(each.low <= at <= each.high for each in fades) / max(len(fades), 1),
    }


def main(panels: int = 200) -> None:
    """Print the table."""
    print(
        "| planted | fades | does not fade | cannot tell | onset within ±10 | interval holds it |"
    )
    print("|---|---|---|---|---|---|")
    for world in WORLDS:
        found = rates(world, panels)
        planted = world.onset is not None
        cells = [f"{found[name]:.0%}".replace("%", " %") for name in list(found)[:3]]
        cells += [
            f"{found[name]:.0%}".replace("%", " %") if planted else "–"
            for name in ("close", "covered")
        ]
        print(f"| {world.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
