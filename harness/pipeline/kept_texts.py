"""Which stored texts still belong to a run: those whose fingerprint is unchanged."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import counted
from harness.inputs.provenance import engine_versions
from harness.pipeline.plan import Plan
from harness.record import PREDICTIONS, is_intact, last_of_each, read_lines, write_lines
from harness.record.digest import json_sha256
from harness.record.inputs import MODELS
from harness.record.state import DAMAGED, Say
from harness.types import Prediction


def valid_predictions(
    plan: Plan, expected: Mapping[tuple[str, int], str], say: Say
) -> dict[tuple[str, int], Prediction]:
    """(id, sample) → predictions on disk with the expected fingerprint; others are deleted."""
    lines = read_lines(Prediction, plan.folder / PREDICTIONS, say)
    on_disk = last_of_each(lines)
    if len(on_disk) < len(lines):
        say(f"{counted(len(lines) - len(on_disk), 'text')} found twice; keeping the last of each")
    intact = [text for text in on_disk if is_intact(text)]
    if damaged := len(on_disk) - len(intact):
        say(f"{DAMAGED}: {counted(damaged, 'text')} in {plan.folder / PREDICTIONS}")
    valid = {
        (text.id, text.sample): text
        for text in intact
        if text.error is None and expected.get((text.id, text.sample)) == text.fingerprint
    }
    if lost := len(intact) - len(valid):
        say(
            f"{counted(lost, 'text')} failed, or from other code, settings or weights:"
            " generating again"
        )
    if len(valid) < len(lines):
        write_lines(plan.folder / PREDICTIONS, valid.values())
    return valid


def fingerprints(plan: Plan, *model: str) -> dict[tuple[str, int], str]:
    """(id, sample) → sixteen hex digits over everything that could change the text.

    model: fingerprint of the model's tensors, type of its device, sha256 of the code that makes
        weights and texts.
    """
    common = json_sha256(
        plan.method.name,
        plan.settings.digest(),
        *model,
        [plan.ends.trained, sorted(plan.ends.ids), plan.ends.strings],
        plan.about_text["template"],
        plan.inputs.digest(*MODELS),
        [other.example.id for other in plan.test_prompts],  # they decide the batches
        *engine_versions(),
    )
    found = {}
    for encoded in plan.test_prompts:
        for sample in range(plan.settings.decode.samples):
            text = json_sha256(common, encoded.prompt, encoded.views, sample)
            found[encoded.example.id, sample] = text[:16]
    return found
