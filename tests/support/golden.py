"""The golden cases that FlyThinker and Coconut must match; absent outside a full checkout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close
from transformers import AutoModelForCausalLM

from harness.engine import Batch

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "golden"


def cases(folder: str) -> list[Any]:
    """One pytest parameter per case of the folder, or one that skips and says why."""
    path = GOLDEN / folder / "case.json"
    if not path.is_file():
        reason = "the golden cases (../shared/golden) are not here"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id=folder)]
    found = json.loads(path.read_text())["cases"]
    return [
        pytest.param((folder, case), id=f"{folder}-{case.get('lam', case.get('n_thoughts'))}")
        for case in found
    ]


def golden_model(folder: str, part: str) -> Any:
    return AutoModelForCausalLM.from_pretrained(GOLDEN / folder / part)


def assert_golden(lm: Any, batch: Batch, case: Any) -> None:
    """Log-probs, loss and gradients are the case's."""
    for row, logprobs in zip(case["rows"], lm.logprobs(batch), strict=True):
        known = torch.tensor(row["logprobs"])
        assert_close(logprobs[: len(known)], known, atol=1e-4, rtol=0)
        assert not logprobs[len(known) :].any()
    assert_golden_loss(lm, batch, case)


def assert_golden_loss(lm: Any, batch: Batch, case: Any) -> None:
    """Loss and gradients are the case's."""
    loss = lm.loss(batch)
    assert_close(loss.item(), case["loss"], atol=1e-5, rtol=0)
    loss.backward()
    for part, expected in case["grad_norms"].items():
        for name, norm in _grad_norms(getattr(lm, part)).items():
            assert_close(norm, expected[name], rtol=1e-5, atol=1e-9)


def _grad_norms(model: Any) -> dict[str, float]:
    base = model.model
    weights = {
        "embed": base.embed_tokens.weight,
        "layer0.q_proj": base.layers[0].self_attn.q_proj.weight,
        "final_norm": base.norm.weight,
    }
    return {
        name: 0.0 if weight.grad is None else weight.grad.norm().item()
        for name, weight in weights.items()
    }
