"""Sequences in which only copying pays: what large models bring, a tiny one must be given.

All tokens of the vocabulary occur, so that no word of the benchmark is made of tokens that were
never trained. What comes next can be told from what stands before, and from nothing else.
"""

import random
from collections.abc import Sequence

from harness.pretraining.chat_rows import Row


def copying(rng: random.Random, vocabulary: Sequence[int], length: int) -> Row:
    """`length` tokens that repeat after 6 to 30; learnt from where they have stood before.

    Induction (Olsson et al. 2022): a token is followed by what followed it before.
    """
    period = rng.randint(6, 30)
    once = [rng.choice(vocabulary) for _ in range(period)]
    tokens = (once * (length // period + 1))[:length]
    return Row(tokens, [at > period for at in range(length)], [False] * length)


def binding(rng: random.Random, vocabulary: Sequence[int], length: int) -> Row:
    """Lists of keys with their values, each followed by its keys again, in another order.

    Every list gives the same keys new values: learnt where a key asks for its latest one.
    """
    keys, between = rng.sample(vocabulary, rng.randint(3, 7)), rng.choice(vocabulary)
    tokens: list[int] = []
    learnt: list[bool] = []
    while len(tokens) < length:
        values = {key: rng.choice(vocabulary) for key in keys}
        for key, value in values.items():
            tokens += [between, key, value]
            learnt += [False] * 3
        for key in rng.sample(keys, len(keys)):
            others = [rng.choice(vocabulary) for _ in range(rng.randint(1, 4))]
            tokens += [*others, key, values[key]]
            learnt += [*([False] * len(others)), False, True]
    return Row(tokens[:length], learnt[:length], [False] * length)
