"""Sequences that teach a tiny model to copy, which large models learn by themselves.

The next token can be predicted only from earlier tokens of the sequence. All tokens of the
vocabulary occur, so that every token of the benchmark's words is trained.
"""

import random
from collections.abc import Sequence

from harness.pretraining.chat_rows import Row, Token


def copying(rng: random.Random, vocabulary: Sequence[int], length: int) -> Row:
    """`length` tokens that repeat with a period of 6 to 30; the loss counts only repetitions.

    This trains induction (Olsson et al. 2022): a token is followed by what followed it before.
    """
    period = rng.randint(6, 30)
    pattern = [rng.choice(vocabulary) for _ in range(period)]
    return [Token(pattern[index % period], index > period) for index in range(length)]


def binding(rng: random.Random, vocabulary: Sequence[int], length: int) -> Row:
    """Lists of keys with values, each followed by the same keys in another order.

    Every list gives the keys new values. The loss counts only the tokens at which a key must be
    followed by its latest value.
    """
    keys, between = rng.sample(vocabulary, rng.randint(3, 7)), rng.choice(vocabulary)
    row: Row = []
    while len(row) < length:
        values = {key: rng.choice(vocabulary) for key in keys}
        for pair in values.items():
            row += [Token(token, False) for token in (between, *pair)]
        for key in rng.sample(keys, len(keys)):
            others = [rng.choice(vocabulary) for _ in range(rng.randint(1, 4))]
            row += [Token(token, False) for token in (*others, key)]
            row.append(Token(values[key], True))
    return row[:length]
