"""What an unfinished evaluation has computed, batch by batch, so that it is not computed again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from harness.record import Json, append_lines, read_lines
from harness.record.state import Say

T = TypeVar("T")
"""A value that JSON can hold."""
VALUES = "evaluation.jsonl"


@dataclass(frozen=True)
class KeptBatch:
    """The values of one batch. key: hash of everything that they depend on."""

    key: str
    values: list[Json]


class KeptValues:
    """Values of batches, in memory and in a file that ends with the run.

    path: the file; None keeps values in memory only.
    common: what all values depend on: weights, settings, code, device.
    say: takes a message about damaged values.
    """

    def __init__(
        self, path: Path | None = None, common: object = None, say: Say = lambda text: None
    ) -> None:
        self.path, self.common = path, common
        lines = read_lines(KeptBatch, path, say) if path is not None else []
        self._known = {each.key: each.values for each in lines}

    def batch(self, items: object, compute: Callable[[], Sequence[T]]) -> Sequence[T]:
        """The values of a batch: kept ones, or those that `compute` returns.

        items: what they depend on besides `common`. The whole batch, because its rows are computed
            together.
        """
        return next(self.batches([items], lambda missing: [compute()]))

    def has(self, items: object) -> bool:
        """Whether the values of a batch are kept."""
        return self._key(items) in self._known

    def batches(
        self,
        items: Sequence[object],
        compute: Callable[[Sequence[int]], Iterable[Sequence[T]]],
    ) -> Iterator[Sequence[T]]:
        """The values of each batch, in order, as in `batch`; each is kept as soon as it is there.

        items: of each batch.
        compute: gives those of the batches with these numbers, in order, while they are asked for.
        """
        keys = [self._key(each) for each in items]
        missing = [number for number, key in enumerate(keys) if key not in self._known]
        computed = iter(compute(missing)) if missing else iter(())
        absent = set(missing)
        for number, key in enumerate(keys):
            if number in absent:
                self._keep(key, next(computed))
            yield self._known[key]  # type: ignore[misc]  # as `compute` gave them

    def _key(self, items: object) -> str:
        text = json.dumps([self.common, items])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _keep(self, key: str, values: Sequence[object]) -> None:
        self._known[key] = cast(list[Json], list(values))
        if self.path is not None:
            with suppress(ValueError):  # infinite log-probs are no JSON: they are computed again
                append_lines(self.path, [KeptBatch(key, self._known[key])], seal=True)
