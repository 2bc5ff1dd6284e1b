"""`evaluate:NAME`: any metric of the evaluate package, from a local path or the hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from numbers import Real
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from harness.errors import UsageError
from harness.metrics.means import NOTHING
from harness.types import Score

if TYPE_CHECKING:
    from harness.metrics import Metric


def external(name: str) -> Metric:
    """The metric NAME or NAME?option=value&… of the evaluate package, on its own scale.

    NAME is a name on the hub or a path to a metric's script or folder. Raises UsageError
    where it cannot be loaded.
    """
    place, _, query = name.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    module = _load(place)

    def compute(predictions: Sequence[str], references: Sequence[str]) -> Score:
        """Corpus value from all pairs; per example the metric's own list, else one call each."""
        pairs = list(zip(predictions, references, strict=True))
        if not pairs:
            return Score(
                None, (), f"evaluate:{name}|evaluate:{version('evaluate')}", None, None, NOTHING
            )
        key, found = _first(name, _call(name, module, predictions, references, options))
        if isinstance(found, Real):
            value = float(found)
            each = tuple(
                _number(_first(name, _call(name, module, [text], [reference], options))[1])
                for text, reference in pairs
            )
        else:
            each = tuple(float(one) for one in found)
            value = sum(each) / len(each)
        if len(each) != len(pairs):
            raise UsageError(
                f"metric evaluate:{name} gave {len(each)} values under {key!r};"
                f" expected one for each of {len(pairs)} pairs"
            )
        return Score(
            value, each, f"evaluate:{name}|key:{key}|scale:own|evaluate:{version('evaluate')}"
        )

    return compute


def _load(place: str) -> Any:
    import evaluate

    try:
        return evaluate.load(place, module_type="metric")
    except (OSError, ImportError, ValueError) as error:
        raise UsageError(
            f"metric evaluate:{place} could not be loaded: {type(error).__name__}: {error}."
            " Expected a name on the hub (needs a network the first time) or a path to a"
            " metric's script; a package that it names must be installed"
        ) from error


def _call(
    name: str,
    module: Any,
    predictions: Sequence[str],
    references: Sequence[str],
    options: Mapping[str, str],
) -> Any:
    try:
        return module.compute(predictions=list(predictions), references=list(references), **options)
    except Exception as error:  # a metric is foreign code: whatever it raises is reported
        raise UsageError(
            f"metric evaluate:{name} failed on predictions and references alone:"
            f" {type(error).__name__}: {error}. Options can be given as NAME?option=value"
        ) from error


def _first(name: str, result: Any) -> tuple[str, Any]:
    """The first number of a metric's result, or its first list of numbers."""
    items = result.items() if isinstance(result, Mapping) else [("value", result)]
    for key, found in items:
        if isinstance(found, Real) and not isinstance(found, bool):
            return key, found
        if isinstance(found, Sequence) and found and all(isinstance(one, Real) for one in found):
            return key, found
    raise UsageError(f"metric evaluate:{name} gave no number; it gave {result!r:.200}")


def _number(found: Any) -> float:
    return float(found) if isinstance(found, Real) else float(found[0])
