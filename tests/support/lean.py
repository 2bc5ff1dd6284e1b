"""Language models of every method that can take the lean step, and the texts of either step."""

import pytest
import torch

from baselines.coconut import CoconutLM
from flythinker import FlyThinkerLM
from flythinker.replaced_thoughts import DONOR, ReplacedThoughtsLM
from harness.engine import CausalLM, generate
from harness.engine.lean_models import choose_step
from harness.engine.lm import causal_lms
from tests.support.agreement import PROMPTS
from tests.support.tiny import tiny


def changed(model, seed=3):
    """The model with biases and norms that are not their initial zeros and ones."""
    generator = torch.Generator().manual_seed(seed)
    for name, part in model.named_parameters():
        if "norm" in name or name.endswith("bias"):
            part.data += 0.3 * torch.randn(part.shape, generator=generator)
    return model


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
