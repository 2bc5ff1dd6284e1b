"""How many tokens a batch of texts may hold: `decode.tokens_at_once`, or less where memory is low.

A number in the preset, not the machine's memory, decides the batches, so that the same command
generates the same texts on another machine. Free memory can only lower it; the record has what was
used. `generate` asks here, so that the bound holds for all that a run or its method generates, with
any model.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from pathlib import Path
from typing import Any, TypeVar

import torch

from harness.engine.attention_size import attention_size
from harness.engine.lm import PersonalLM, causal_lms
from harness.record.state import Say

T = TypeVar("T")
SHARE = 0.8
"""Of the free memory, what keys and values may fill."""
MEMORY = Path("/proc/meminfo")
_MOST: ContextVar[int | None] = ContextVar("tokens at once", default=None)


@contextmanager
def tokens_bounded(most: int | None) -> Iterator[None]:
    """Inside, rows that `generate` has in a model hold at most `most` tokens; None: any number."""
    before = _MOST.set(most)
    try:
        yield
    finally:
        _MOST.reset(before)


def set_bound(most: int | None) -> None:
    """Another bound from now on, until the `tokens_bounded` around it ends."""
    _MOST.set(most)


def rows_within_bound(longest: int, size: int) -> int:
    """Rows that `generate` may have in a model; arguments as in `rows_at_once`."""
    return rows_at_once(longest, size, _MOST.get())


def tokens_at_once(most: int | None, lm: PersonalLM, say: Say) -> int | None:
    """The most tokens of a batch: `most`, lowered to what free memory holds; None: no bound.

    most: `decode.tokens_at_once`. lm: on its devices, with its weights loaded. say: takes a message
    where it is lowered.
    """
    if most is None:
        return None
    fits = min((_tokens_that_fit(*each) for each in _needs(lm).items()), default=most)
    if fits >= most:
        return most
    say(f"free memory holds {fits:,} tokens at once; decode.tokens_at_once is {most:,}")
    return max(1, fits)


def rows_at_once(longest: int, size: int, most: int | None) -> int:
    """Rows of a batch: at most `size`, and at most `most` tokens if all are as long as the longest.

    longest: its tokens with what may be generated after it. A row by itself is never refused.
    """
    return size if most is None else max(1, min(size, most // longest))


def batches_of(
    ordered: Sequence[T], tokens: Callable[[T], int], size: int, most: int | None
) -> list[list[T]]:
    """Batches of rows, in their order.

    ordered: the rows, longest first. tokens: of a row, with what may be generated after it.
    size, most: rows and tokens of a batch at most.
    """
    batches, start = list[list[T]](), 0
    while start < len(ordered):
        count = rows_at_once(tokens(ordered[start]), size, most)
        batches.append([*ordered[start : start + count]])
        start += count
    return batches


def _needs(lm: PersonalLM) -> dict[torch.device, int]:
    """Device → bytes of keys and values that a token of a row takes there, of all its models."""
    found: dict[torch.device, int] = {}
    for _, model in causal_lms(lm):
        config: Any = model.config.get_text_config(decoder=True)
        weight = next(model.parameters())
        _, numbers = attention_size(config)
        found[weight.device] = found.get(weight.device, 0) + numbers * weight.element_size()
    return found


def _tokens_that_fit(device: torch.device, bytes_of_token: int) -> int:
    free = free_bytes(device)
    return sys.maxsize if free == inf else int(SHARE * free / bytes_of_token)


def free_bytes(device: torch.device) -> float:
    """Free memory of a device; infinite where the system does not say."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    if MEMORY.is_file():
        for line in MEMORY.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    return inf
