"""Which stored texts still belong to a run: those whose fingerprint is unchanged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version

from harness.progress import Bars
from harness.record import PREDICTIONS, drop_partial_line, read_predictions, rewrite_predictions
from harness.record.inputs import MODELS
from harness.run.plan import EncodedPrompt, Plan
from harness.types import Prediction


def valid_predictions(
    plan: Plan, expected: Mapping[tuple[str, int], str], bars: Bars
) -> dict[tuple[str, int], Prediction]:
    """(id, sample) → predictions on disk with the expected fingerprint; others are deleted."""
    drop_partial_line(plan.folder / PREDICTIONS)
    on_disk = read_predictions(plan.folder)
    valid = {
        (text.id, text.sample): text
        for text in on_disk
        if text.error is None and expected.get((text.id, text.sample)) == text.fingerprint
    }
    if len(valid) != len(on_disk):
        count = len(on_disk) - len(valid)
        bars.say(
            f"{count} texts failed, or come from other code, settings or weights; generating them"
            " again"
        )
        rewrite_predictions(valid.values(), plan.folder)
    return valid


def text_fingerprint(
    plan: Plan, encoded: EncodedPrompt, weights: str, device: str, source: str, sample: int
) -> str:
    """Sixteen hex digits over everything that could change the text.

    plan: the run.
    encoded: the prompt.
    weights: fingerprint of the model's tensors.
    device: type of the model's device.
    source: sha256 of the code that makes weights and texts.
    sample: number of the sample.
    """
    parts = [
        plan.method.name,
        plan.settings.digest(),
        weights,
        device,
        source,
        encoded.prompt,
        encoded.views,
        [plan.ends.trained, sorted(plan.ends.ids), plan.ends.strings],
        plan.about_text["template"],
        sample,
        plan.inputs.digest(*MODELS),
        [other.example.id for other in plan.test_prompts],  # they decide the batches
        version("torch"),
        version("transformers"),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
