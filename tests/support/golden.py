"""The golden cases that FlyThinker and Coconut must match; absent outside a full checkout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM

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


def grad_norms(model: Any) -> dict[str, float]:
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
