"""Made-up trials of metrics."""

from __future__ import annotations

from typing import Any

from harness.metrics.trial.duels import DUELS
from harness.record import Estimate
from harness.record.trials import Outcome, Trial, TriedMetric


def metric(
    title: str,
    own: float = 70.0,
    padded: float = 30.0,
    failed: tuple[str, ...] = (),
    outcome: Outcome = "passes",
    signature: str = "",
) -> TriedMetric:
    """A metric on trial: how often own beats other, and padded beats own; all else is even."""
    auc = dict.fromkeys(DUELS, Estimate(value=50.0, low=40.0, high=60.0))
    auc["own_over_other"] = Estimate(value=own, low=own - 8, high=own + 8)
    auc["padded_over_own"] = Estimate(value=padded, low=padded - 8, high=padded + 8)
    return TriedMetric(
        title=title,
        signature=signature or title,
        better="higher",
        outcome=outcome,
        failed=failed,
        auc=auc,
        agreement={"bleu": Estimate(value=0.5)},
    )


PADS = metric("METEOR", own=64.0, padded=90.0, failed=("padded_over_own",), outcome="fails")
ABSENT = TriedMetric(
    title="Judge",
    signature="judge",
    better="higher",
    outcome="no value",
    missing="it needs a model",
    auc={},
    agreement={},
)


def trial(**changes: Any) -> Trial:
    """A trial in which BLEU passes and METEOR fails."""
    values: dict[str, Any] = {
        "version": 1, "task": "product_review", "split": "test", "source": "folder",
        "setting": "user", "fingerprint": "f" * 64, "seed": 0, "examples": 30, "users": 25,
        "left_out": 0, "planted": {"own": "another text of the same author"}, "words": {"own": 8.0},
        "reference_words": 9.0,
        "metrics": {"meteor": PADS, "bleu": metric("BLEU"), "judge": ABSENT},
        "controls": {"text length": metric("text length", own=48.0, padded=92.0)},
    }  # fmt: skip
    return Trial(**values | changes)
