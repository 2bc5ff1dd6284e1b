"""Prediction and reference meet here: metrics, position slices, lift, statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from harness.registry import find

if TYPE_CHECKING:
    from harness.settings import EvalSettings
    from harness.types import Score

    Metric = Callable[[Sequence[str], Sequence[str]], Score]

EXTERNAL = "evaluate:"
"""Names that begin so are metrics of the evaluate package."""
TOKENIZER = {
    "bleu": "bleu_tokenizer",
    **dict.fromkeys(("rouge1", "rouge2", "rougeL", "rougeLsum", "meteor"), "tokenizer"),
}
"""Metric → the setting of `eval` that chooses its tokenizer."""


def metric(name: str, settings: EvalSettings | None = None) -> Metric:
    """The callable behind a metric's name, with the tokenizer that the settings choose.

    Raises UsageError for an unknown name, and for a tokenizer that is not installed.
    """
    if name.startswith(EXTERNAL):
        from harness.metrics.external import external

        return external(name.removeprefix(EXTERNAL))
    found: Callable[..., Score] = find("metric", name)
    if settings is None or name not in TOKENIZER:
        return found
    tokenizer = getattr(settings, TOKENIZER[name])
    if name == "bleu":
        from harness.metrics.bleu import sacrebleu_tokenizer

        sacrebleu_tokenizer(tokenizer)
    return partial(found, tokenizer=tokenizer)


def score(
    name: str,
    predictions: Sequence[str],
    references: Sequence[str],
    settings: EvalSettings | None = None,
) -> Score:
    """The metric `name` of predictions against references, paired by position.

    An empty prediction is scored and counted. Raises UsageError for an unknown name and
    ValueError where the two differ in length.
    """
    return metric(name, settings)(predictions, references)
