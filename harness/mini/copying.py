"""Sequences in which only copying pays: what large models bring, a tiny one must be given.

Random tokens return again and again in the same order, at a distance that differs from row to
row. What comes next can be told from where the last token stood before, and from nothing else
(Olsson et al. 2022 on induction heads). All tokens of the vocabulary occur, so that no word of
the benchmark is made of tokens that were never trained.
"""

import random
from collections.abc import Sequence

from harness.mini.encode import Row


def copying(rng: random.Random, vocabulary: Sequence[int], length: int) -> Row:
    """`length` tokens that repeat after 6 to 30; learnt from where they have stood before."""
    period = rng.randint(6, 30)
    once = [rng.choice(vocabulary) for _ in range(period)]
    tokens = (once * (length // period + 1))[:length]
    return Row(tokens, [at > period for at in range(length)], [False] * length)
