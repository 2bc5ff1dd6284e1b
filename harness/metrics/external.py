"""`evaluate:NAME`: any metric of the evaluate package, from a local path or the hub."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from math import isfinite
from numbers import Real
from pathlib import Path
from statistics import fmean
from typing import Any
from urllib.parse import parse_qsl

from harness.errors import UsageError
from harness.metrics.base import OWN, Metric, Pair, Unavailable
from harness.settings import parse_value
from harness.statistics import Array, mean_rows
from harness.statistics.panel import ratio

Found = tuple[str, Any]
"""The key of a metric's first number or list of numbers, and its value."""
Call = Callable[[Sequence[str], Sequence[str]], Found]


class NoValueError(Exception):
    """A metric gave no finite number; the message says what it did instead."""


class External(Metric):
    """The metric NAME or NAME?option=value&… of the evaluate package, on its own scale.

    NAME is a name on the hub, or a path to a metric's script or folder; values are parsed like
    those of --set. Values per example are the metric's own list, or come from one call for each
    example. There is no interval where the corpus value is not their mean. Raises UsageError if it
    cannot be loaded. A metric that fails on an example, or gives no finite number there, is null,
    with a message.
    """

    unit = OWN
    mean = True

    def __init__(self, query: str) -> None:
        self.name = f"evaluate:{query}"
        # an existing path may contain "?"
        is_path = Path(query).exists()
        place, _, arguments = (query, "", "") if is_path else query.partition("?")
        options = {
            key: parse_value(value) for key, value in parse_qsl(arguments, keep_blank_values=True)
        }
        module = _load(place)
        self._call: Call = partial(_call, module, options)
        self._asked = "|".join([place, *(f"{key}={one!r}" for key, one in sorted(options.items()))])
        made = f"scale:own|evaluate:{version('evaluate')}|script:{_script_hash(module)}"
        self._made = made
        self._key: str | None = None
        self._last: tuple[Sequence[Pair], float] | None = None

    @property
    def signature(self) -> str:
        """Includes the key of the number, once the metric has given one."""
        key = "" if self._key is None else f"|key:{self._key}"
        return f"evaluate:{self._asked}{key}|{self._made}"

    def rows(self, pairs: Sequence[Pair]) -> Array:
        texts, references = _texts(pairs)
        try:
            key, found = self._call(texts, references)
            each = _numbers(key, found)
            whole = fmean(each)
            if isinstance(found, Real):
                each = [
                    _numbers(*self._call([text], [reference]))[0]
                    for text, reference in zip(texts, references, strict=True)
                ]
            if len(each) != len(pairs):
                raise NoValueError(
                    f"{len(each)} values under {key!r}; expected one for each of {len(pairs)} pairs"
                )
        except NoValueError as error:
            raise Unavailable(
                f"{self.name} has no value: {self._blame(pairs, error)}; leave it out, or"
                " give it options (NAME?option=value)"
            ) from error
        self._key, self._last = key, (pairs, whole)
        return mean_rows(each)

    def value(self, sums: Array) -> Array:
        return ratio(sums)

    def overall(self, rows: Array, pairs: Sequence[Pair]) -> float:
        if self._last is None or self._last[0] is not pairs:
            self.rows(pairs)
        return self._last[1] if self._last else float("nan")

    def _blame(self, pairs: Sequence[Pair], error: NoValueError) -> str:
        """Which example the metric fails on and how, or how it failed on all of them together."""
        for at, pair in enumerate(pairs, 1):
            try:
                _numbers(*self._call([pair.prediction], [pair.reference]))
            except NoValueError as own:
                words = f"{len(pair.prediction.split())} words against"
                words += f" {len(pair.reference.split())}"
                return f"example {at} of {len(pairs)} ({words}): {own}"
        return f"all {len(pairs)} examples together: {error}"


def _texts(pairs: Sequence[Pair]) -> tuple[list[str], list[str]]:
    return [pair.prediction for pair in pairs], [pair.reference for pair in pairs]


def _load(place: str) -> Any:
    import evaluate

    try:
        return evaluate.load(place, module_type="metric", keep_in_memory=True)
    except (OSError, ImportError, ValueError) as error:
        raise UsageError(
            f"metric evaluate:{place} could not be loaded: {type(error).__name__}: {error}."
            " Expected a name on the hub (needs a network the first time) or a path to a"
            " metric's script; a package that it names must be installed"
        ) from error


def _script_hash(module: Any) -> str:
    """Twelve hex of sha256 over the metric's script and the files that it was loaded with."""
    files = sorted(Path(inspect.getfile(type(module))).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _call(
    module: Any,
    options: Mapping[str, Any],
    predictions: Sequence[str],
    references: Sequence[str],
) -> Found:
    """The first number, or list of numbers, in a metric's result. Raises NoValueError.

    module: the loaded metric.
    options: arguments of its `compute`.
    predictions, references: the texts.
    """
    try:
        result = module.compute(
            predictions=list(predictions), references=list(references), **options
        )
    except Exception as error:  # a metric is foreign code: any error is reported
        # the lines after the first quote whole texts, which must not get into a record
        summary = str(error).partition("\n")[0]
        raise NoValueError(f"{type(error).__name__}: {summary}") from error
    items = result.items() if isinstance(result, Mapping) else [("value", result)]
    for key, found in items:
        if isinstance(found, Real) and not isinstance(found, bool):
            return key, found
        if isinstance(found, Sequence) and found and all(isinstance(one, Real) for one in found):
            return key, found
    raise NoValueError(f"it gave no number but {result!r:.200}")


def _numbers(key: str, found: Any) -> list[float]:
    """A number, or a list of them, as floats. Raises NoValueError for one that is not finite."""
    values = [float(one) for one in (found if isinstance(found, Sequence) else [found])]
    for value in values:
        if not isfinite(value):
            raise NoValueError(f"{key} is {value}")
    return values
