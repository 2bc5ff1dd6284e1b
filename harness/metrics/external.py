"""`evaluate:NAME`: any metric of the evaluate package, from a local path or the hub."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import isfinite
from numbers import Real
from pathlib import Path
from statistics import fmean
from typing import Any, get_args
from urllib.parse import parse_qsl

from harness.errors import UsageError
from harness.metrics.base import OWN, Better, Metric, Pair, Unavailable
from harness.settings import parse_value
from harness.statistics import Array, mean_rows
from harness.statistics.panel import ratio

LOWER = frozenset((
    "brier_score", "cer", "character", "charcut_mt", "mae", "mape", "mase", "mse", "perplexity",
    "smape", "ter", "wer",
))  # fmt: skip
"""Modules of evaluate that count errors or distance: their lower value is the better one."""
DIRECTION = "better"
"""The option of a name that says which end wins; the metric itself is not given it."""


@dataclass(frozen=True)
class Asked:
    """What the part of a name after `evaluate:` asks for.

    place: a name on the hub, or a path to a metric's script or folder.
    options: the metric's own arguments.
    better: which end wins.
    """

    place: str
    options: Mapping[str, Any]
    better: Better


def asked(query: str) -> Asked:
    """NAME or NAME?option=value&… in parts; nothing is loaded.

    The higher value wins, unless the module is in `LOWER` or the name says otherwise
    (`better=lower`, `better=higher`). Raises UsageError for another word there.
    """
    # an existing path may contain "?"
    is_path = Path(query).exists()
    place, _, arguments = (query, "", "") if is_path else query.partition("?")
    options = {key: parse_value(one) for key, one in parse_qsl(arguments, keep_blank_values=True)}
    module = Path(place).name.removesuffix(".py").lower()
    better = options.pop(DIRECTION, "lower" if module in LOWER else "higher")
    if better not in get_args(Better):
        raise UsageError(
            f"metric evaluate:{query}: {DIRECTION}={better}; expected {DIRECTION}=lower or"
            f" {DIRECTION}=higher"
        )
    return Asked(place, options, better)


class NoValueError(Exception):
    """A metric gave no finite number; the message says what it did instead."""


class External(Metric):
    """The metric NAME or NAME?option=value&… of the evaluate package, on its own scale.

    NAME is a name on the hub, or a path to a metric's script or folder; values are parsed like
    those of --set. `better` among the options says which end wins, see `asked`. Values per example
    are the metric's own list, or come from one call for each example. There is no interval where
    the corpus value is not their mean. Raises UsageError if it cannot be loaded. A metric that
    fails on an example, or gives no finite number there, is null, with a message.
    """

    unit = OWN
    mean = True

    def __init__(self, query: str) -> None:
        self.name = f"evaluate:{query}"
        parts = asked(query)
        self._options, self.better = parts.options, parts.better
        self._module = _load(parts.place)
        shown = (f"{key}={one!r}" for key, one in sorted(self._options.items()))
        self._asked = "|".join([parts.place, *shown])
        script = _script_hash(self._module)
        # "higher" is left out: signatures of before there was a direction stay valid
        scale = "scale:own|better:lower" if self.better == "lower" else "scale:own"
        self._made = f"{scale}|evaluate:{version('evaluate')}|script:{script}"
        self._key: str | None = None
        self._last: tuple[Sequence[Pair], float] | None = None

    @property
    def signature(self) -> str:
        """Includes the key of the number, once the metric has given one."""
        key = "" if self._key is None else f"|key:{self._key}"
        return f"evaluate:{self._asked}{key}|{self._made}"

    def rows(self, pairs: Sequence[Pair]) -> Array:
        try:
            key, each, is_list = self._call(pairs)
            whole = fmean(each)
            if not is_list:
                each = [self._call([pair])[1][0] for pair in pairs]
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

    def _call(self, pairs: Sequence[Pair]) -> tuple[str, list[float], bool]:
        """The first number, or list of numbers, in the metric's result.

        Its key, the numbers, and whether they are a list. Raises NoValueError.
        """
        texts = {
            "predictions": [pair.prediction for pair in pairs],
            "references": [pair.reference for pair in pairs],
        }
        try:
            result = self._module.compute(**texts, **self._options)
        except Exception as error:  # a metric is foreign code: any error is reported
            # the lines after the first quote whole texts, which must not get into a record
            summary = str(error).partition("\n")[0]
            raise NoValueError(f"{type(error).__name__}: {summary}") from error
        for key, found in (result if isinstance(result, Mapping) else {"value": result}).items():
            is_list = isinstance(found, Sequence) and bool(found)
            numbers = list(found) if is_list else [found]
            if not all(isinstance(one, Real) for one in numbers) or isinstance(found, bool):
                continue
            for value in map(float, numbers):
                if not isfinite(value):
                    raise NoValueError(f"{key} is {value}")
            return key, [float(one) for one in numbers], is_list
        raise NoValueError(f"it gave no number but {result!r:.200}")

    def _blame(self, pairs: Sequence[Pair], error: NoValueError) -> str:
        """Which example the metric fails on and how, or how it failed on all of them together."""
        for at, pair in enumerate(pairs, 1):
            try:
                self._call([pair])
            except NoValueError as own:
                words = f"{len(pair.prediction.split())} words against"
                words += f" {len(pair.reference.split())}"
                return f"example {at} of {len(pairs)} ({words}): {own}"
        return f"all {len(pairs)} examples together: {error}"


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
