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
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from harness.errors import UsageError
from harness.metrics.means import NOTHING
from harness.metrics.summary import OWN_SCALE
from harness.settings import parse_assignment
from harness.types import Score

if TYPE_CHECKING:
    from harness.metrics import Metric

Found = tuple[str, Any]
"""The key of a metric's first number, or list of numbers, and what stands there."""
Call = Callable[[Sequence[str], Sequence[str]], Found]


class NoValueError(Exception):
    """What a metric did instead of giving a finite number."""


def external(name: str) -> Metric:
    """The metric NAME or NAME?option=value&… of the evaluate package, on its own scale.

    NAME is a name on the hub or a path to a metric's script or folder; values are read as those
    of --set. Raises UsageError where it cannot be loaded. A metric that fails on an example, or
    gives no finite number there, has no value: `missing` names both.
    """
    # a path that is there is one, whatever its name holds
    place, _, query = (name, "", "") if Path(name).exists() else name.partition("?")
    options = {
        key: parse_assignment(f"{key}={value}")[1]
        for key, value in parse_qsl(query, keep_blank_values=True)
    }
    module = _load(place)
    call = partial(_call, module, options)
    asked = "|".join([place, *(f"{key}={value!r}" for key, value in sorted(options.items()))])
    made = f"{OWN_SCALE}|evaluate:{version('evaluate')}|script:{_script_hash(module)}"

    def compute(predictions: Sequence[str], references: Sequence[str]) -> Score:
        """Corpus value from all pairs; per example the metric's own list, else one call each."""
        pairs = list(zip(predictions, references, strict=True))
        signature = f"evaluate:{asked}|{made}"
        if not pairs:
            return Score(None, (), signature, missing=NOTHING)
        try:
            key, found = call(predictions, references)
            signature = f"evaluate:{asked}|key:{key}|{made}"
            each = _numbers(key, found)
            value = fmean(each)
            if isinstance(found, Real):
                each = [_numbers(*call([text], [reference]))[0] for text, reference in pairs]
            if len(each) != len(pairs):
                raise NoValueError(
                    f"{len(each)} values under {key!r}; expected one for each of {len(pairs)} pairs"
                )
        except NoValueError as error:
            missing = (
                f"evaluate:{name} has no value: {_blame(call, pairs, error)}; leave it out, or"
                " give it options (NAME?option=value)"
            )
            return Score(None, (None,) * len(pairs), signature, missing=missing)
        return Score(value, tuple(each), signature)

    return compute


def _blame(call: Call, pairs: Sequence[tuple[str, str]], error: NoValueError) -> str:
    """The first example on which the metric fails alone, and how; else how it failed on all."""
    for at, (text, reference) in enumerate(pairs, 1):
        try:
            _numbers(*call([text], [reference]))
        except NoValueError as own:
            words = f"{len(text.split())} words against {len(reference.split())}"
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


def _call(
    module: Any,
    options: Mapping[str, Any],
    predictions: Sequence[str],
    references: Sequence[str],
) -> Found:
    """The first number of what the metric gives, or its first list. Raises NoValueError."""
    try:
        result = module.compute(
            predictions=list(predictions), references=list(references), **options
        )
    except Exception as error:  # a metric is foreign code: whatever it raises is reported
        # evaluate's further lines quote whole texts, which not every record may hold
        told = str(error).partition("\n")[0]
        raise NoValueError(f"{type(error).__name__}: {told}") from error
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
