"""Signatures of values over several texts of each example."""

from __future__ import annotations

import re


def of_samples(signature: str, samples: int) -> str:
    """The signature of a mean over samples; one sample is not named."""
    return f"{signature}|samples:{samples}" if samples > 1 else signature


def of_each_sample(signature: str) -> str:
    """How each text was scored: the signature without the number of samples.

    Texts of which each example has one, such as floors, compare by it with a mean over samples.
    """
    return re.sub(r"\|samples:\d+$", "", signature)
