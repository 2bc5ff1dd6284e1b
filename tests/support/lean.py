"""Language models of every method that can take the lean step, and the texts of either step."""

import pytest
import torch

from baselines.coconut import CoconutLM
from flythinker import FlyThinkerLM
from flythinker.replaced_thoughts import DONOR, ReplacedThoughtsLM
from harness.engine import CausalLM, generate, lean_state, lean_step
from harness.engine.lean_models import choose_step
from harness.engine.lm import causal_lms
from tests.support.agreement import PROMPTS
from tests.support.tiny import tiny

YARN = {
    "rope_type": "yarn",
    "factor": 4.0,
    "rope_theta": 1e4,
    "original_max_position_embeddings": 64,
}
LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "rope_theta": 1e4, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
}  # fmt: skip
FAMILIES = {
    "qwen2": ("qwen2", {}),
    "qwen3": ("qwen3", {"head_dim": 12}),
    "mistral": ("mistral", {"sliding_window": None}),
    "llama": ("llama", {}),
    "llama-biases": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "llama-tied": ("llama", {"tie_word_embeddings": True}),
    "llama-all-heads": ("llama", {"num_key_value_heads": 4}),
    "llama-linear": (
        "llama", {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}
    ),
    "llama-yarn": ("llama", {"rope_parameters": YARN}),
    "llama-llama3": ("llama", {"rope_parameters": LLAMA3}),
}  # fmt: skip
"""Name → family and options of a tiny model that the lean step serves."""


def changed(model, seed=3):
    """The model with biases and norms that are not their initial zeros and ones."""
    generator = torch.Generator().manual_seed(seed)
    for name, part in model.named_parameters():
        if "norm" in name or name.endswith("bias"):
            part.data += 0.3 * torch.randn(part.shape, generator=generator)
    return model


def small_blocks(monkeypatch, columns=16):
    """The buffers of the lean step grow by so many columns at a time."""
    for module in (lean_state, lean_step):
        monkeypatch.setattr(module, "BLOCK", columns)


def fly(**options):
    return FlyThinkerLM(tiny("llama"), tiny("llama", seed=1), **options)


LMS = {
    "causal": lambda: CausalLM(tiny()),
    "coconut": lambda: CoconutLM(tiny(), 3),
    "flythinker-stacked": fly,
    "flythinker-serial": lambda: fly(concurrent=False),
    "flythinker-concurrent": lambda: fly(concurrent=True),
    "flythinker-narrow": lambda: FlyThinkerLM(tiny(), tiny(seed=1, width=16), lam=1.5),
    "flythinker-zero": lambda: ReplacedThoughtsLM(fly(), "zero"),
    "flythinker-noise": lambda: ReplacedThoughtsLM(fly(), "noise"),
    "flythinker-donor": lambda: ReplacedThoughtsLM(fly(), DONOR),
}
REPLACED = ("flythinker-zero", "flythinker-noise", "flythinker-serial")
"""They go the way of flythinker-donor or, one model after the other, of -concurrent: slow tests."""
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in REPLACED else name for name in LMS]


def models_of(lm):
    return [model for _, model in causal_lms(lm)]


def by(step, lm, prompts=PROMPTS, **more):
    choose_step(models_of(lm), step)
    views = None
    if getattr(lm, "replacement", "") == DONOR:
        views = {DONOR: [[9, 8], [7] * 14, [3, 1, 4, 1]] * (len(prompts) // 3 + 1)}
        views = {DONOR: views[DONOR][: len(prompts)]}
    return generate(lm, prompts, views=views, **{"max_new_tokens": 30, **more})
