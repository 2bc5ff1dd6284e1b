"""Random streams that are the same on every machine: seeded by strings, through sha256."""

import hashlib
import random


def digest(*keys: object) -> int:
    """A non-negative integer of 256 bits for these keys, joined by the unit separator."""
    return int.from_bytes(hashlib.sha256("\x1f".join(map(str, keys)).encode()).digest(), "big")


def stream(*keys: object) -> random.Random:
    """A random stream of its own for these keys; nothing else draws from it."""
    return random.Random(digest(*keys))


def reserved(*keys: object) -> bool:
    """Whether this combination belongs to validation and test (one in five) and not to training.

    A property of the combination alone, so training and pretraining of any seed keep out of it.
    """
    return digest("reserved", *keys) % 5 == 0
