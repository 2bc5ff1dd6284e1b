"""Random streams seeded by sha256 of strings, so that they are the same on every machine."""

import hashlib
import random


def digest(*keys: object) -> int:
    """The sha256 of the keys, joined by the unit separator, as an integer."""
    return int.from_bytes(hashlib.sha256("\x1f".join(map(str, keys)).encode()).digest(), "big")


def stream(*keys: object) -> random.Random:
    """A separate random stream for these keys."""
    return random.Random(digest(*keys))


def reserved(*keys: object) -> bool:
    """Whether this combination is reserved for validation and test, as one in five is.

    It depends on the combination alone, so training and pretraining avoid it with any seed.
    """
    return digest("reserved", *keys) % 5 == 0
