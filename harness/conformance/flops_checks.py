"""Checks of costs: the passes that a model declares are those that it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch.utils.flop_counter import FlopCounterMode

from harness.conformance.finding import Broken, contract
from harness.conformance.world import World
from harness.engine.decode import generate
from harness.engine.flops import costed_passes, missing, row_lengths, trained_lengths
from harness.engine.lm import causal_lms
from harness.engine.train import to_batch

TOLERANCE = 0.2
"""Largest relative difference: no pass declares a projection, or logits that are made again."""
TOKENS = 6


@contract("lm.passes", trained=True)
def flops_of_training_are_those_of_its_passes(world: World) -> None:
    lm, row = world.build(world.shared).train(), world.rows[0]
    if missing(lm):
        return
    declared = sum(
        replace(cost, attention=0).training(each.positions, each.logits, each.backward)
        for cost, each in costed_passes(lm, [trained_lengths(row)], training=True)
    )
    _require_near(declared, _products(lambda: lm.loss(to_batch([row])).backward()), "training")


@contract("lm.passes")
def flops_of_generation_are_those_of_its_passes(world: World) -> None:
    lm, row = world.adapted(world.shared), world.shared.test_prompts[0]
    if missing(lm):
        return
    for _, model in causal_lms(lm):
        model.set_attn_implementation("eager")  # steps through transformers: weights are no batches
    views = {name: [list(view)] for name, view in row.views.items()}
    lengths = row_lengths(row.prompt, row.views, TOKENS - 1, TOKENS)  # the last token is not read
    declared = sum(
        replace(cost, attention=0).forward(each.positions, each.logits)
        for cost, each in costed_passes(lm, [lengths], training=False)
    )
    counted = _products(
        lambda: generate(lm, [list(row.prompt)], max_new_tokens=TOKENS, views=views)
    )
    _require_near(declared, counted, "generation")


def _products(work: Callable[[], object]) -> int:
    """FLOPs of matrix products with weights that PyTorch counts in `work`, without attention."""
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    by_operation = counter.get_flop_counts()["Global"]
    attention = ("bmm", "baddbmm", "attention")
    return sum(n for name, n in by_operation.items() if not str(name).endswith(attention))


def _require_near(declared: int, counted: int, what: str) -> None:
    """Raises Broken where the FLOPs of the declared passes are not those that were counted."""
    if abs(declared / counted - 1) > TOLERANCE:
        raise Broken(
            f"its passes come to {declared:,} FLOPs of {what}, without attention;"
            f" {counted:,} were counted",
            f"the same within {TOLERANCE:.0%}: `PersonalLM.passes` says which model reads what",
        )
