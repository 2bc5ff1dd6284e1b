"""Sequences in which only copying pays: what large models bring, a tiny one must be given.

All tokens of the vocabulary occur, so that no word of the benchmark is made of tokens that were
never trained. What comes next can be told from what stands before, and from nothing else.
"""

import random
from collections.abc import Sequence

from harness.mini.encode import Row


def copying(rng: random.Random, vocabulary: Sequence[int], length: int) -> Row:
    """`length` tokens that repeat after 6 to 30; learnt from where they have stood before.

    Induction (Olsson et al. 2022): a token is followed by what followed it before.
    """
    period = rng.randint(6, 30)
    once = [rng.choice(vocabulary) for _ in range(period)]
    tokens = (once * (length // period + 1))[:length]
    return Row(tokens, [at > period for at in range(length)], [False] * length)


def listing(rng: random.Random, vocabulary: Sequence[int], length: int) -> Row:
    """A list, then its members one by one, each after the same sign and before some other tokens.

    Learnt at the members but the first: each is the one that follows the last one in the list.
    """
    between, sign = rng.choice(vocabulary), rng.choice(vocabulary)
    members = rng.sample(vocabulary, 8)
    tokens = [token for member in members for token in (between, member)]
    learnt = [False] * len(tokens)
    for number, member in enumerate(members):
        others = [rng.choice(vocabulary) for _ in range(rng.randint(2, 8))]
        tokens += [sign, member, *others]
        learnt += [False, number > 0, *([False] * len(others))]
    return Row(tokens[:length], learnt[:length], [False] * min(length, len(tokens)))
