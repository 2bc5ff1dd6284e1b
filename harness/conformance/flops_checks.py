"""Checks of costs: the passes that a model declares are those that it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch.utils.flop_counter import FlopCounterMode

from harness.conformance.finding import Broken, contract
from harness.conformance.world import World
from harness.engine.decode import generate
from harness.engine.flops import costed_passes, missing, row_lengths, trained_lengths
from harness.engine.lm import PersonalLM, RowLengths, causal_lms
from harness.engine.train import to_batch
from harness.method import Method
from harness.types import Sampling

TOLERANCE = 0.2
"""Largest relative difference: no pass declares a projection, or logits that are made again."""
TOKENS = 6
"""Of the longer text that is generated: its steps are judged beside its prompt."""
ATTENTION = ("bmm", "baddbmm", "attention")
"""Endings of the names of operations that attention consists of."""
PROJECTION = "_proj"
"""Ending of the names of the layers with weights in the kit's backbone."""


@dataclass(frozen=True)
class Flops:
    """FLOPs of matrix products with weights, without attention: declared and counted."""

    declared: int
    counted: int

    def __sub__(self, other: Flops) -> Flops:
        return Flops(self.declared - other.declared, self.counted - other.counted)


@contract("lm.passes", trained=True)
def flops_of_training_are_those_of_its_passes(world: World) -> None:
    lm = world.moved(world.shared).train()
    row = max(world.rows, key=lambda each: len(each.response))
    if missing(lm):
        return

    def flops(tokens: int) -> Flops:
        cut = replace(row, response=row.response[:tokens])
        declared = sum(
            replace(cost, attention=0).training(each.positions, each.logits, each.backward)
            for cost, each in costed_passes(lm, [trained_lengths(cut)], training=True)
        )
        return Flops(declared, _products(lambda: lm.loss(to_batch([cut])).backward()))

    _require_near_in_both_parts(flops, len(row.response), "training")


@contract("lm.passes")
def flops_of_generation_are_those_of_its_passes(world: World) -> None:
    lm, row = world.adapted(world.shared), world.shared.test_prompts[0]
    if missing(lm):
        return
    for _, model in causal_lms(lm):
        model.set_attn_implementation("eager")  # steps through transformers: weights are no batches
    prompt, views = list(row.prompt), {name: [list(view)] for name, view in row.views.items()}

    def flops(tokens: int) -> Flops:
        # the last token is not read
        declared = _forward(lm, row_lengths(row.prompt, row.views, tokens - 1, tokens))
        counted = _products(lambda: generate(lm, [prompt], max_new_tokens=tokens, views=views))
        return Flops(declared, counted)

    _require_near_in_both_parts(flops, TOKENS, "generation")


@contract("method.preface")
def flops_of_a_preface_are_those_of_one_text(world: World) -> None:
    """The record counts a preface as a text that is generated once, token by token."""
    if type(world.method).preface is Method.preface:
        return
    lm, prompt = world.adapted(world.shared), list(world.shared.test_prompts[0].prompt)
    if missing(lm):
        return
    for _, model in causal_lms(lm):
        model.set_attn_implementation("eager")
    prefaces: list[list[int]] = []
    counted = _products(lambda: prefaces.extend(world.method.preface(lm, [prompt], [Sampling()])))
    length = len(prefaces[0])
    recorded = _forward(lm, row_lengths(prompt, {}, length, length + 1)) if length else 0
    if counted > (1 + TOLERANCE) * recorded:
        raise Broken(
            f"{counted:,} FLOPs for a preface of {length} tokens, without attention; the record"
            f" has {recorded:,}",
            f"at most {TOLERANCE:.0%} more than one text of its length; generate a preface once, or"
            " do the other work in `prepare`, with its cost in `user_work`",
        )


def _forward(lm: PersonalLM, lengths: RowLengths) -> int:
    """FLOPs of the declared passes of a generated row, without attention."""
    return sum(
        replace(cost, attention=0).forward(each.positions, each.logits)
        for cost, each in costed_passes(lm, [lengths], training=False)
    )


def _products(work: Callable[[], object]) -> int:
    """FLOPs of matrix products with weights that PyTorch counts in `work`, without attention.

    A batched product is one of attention, unless a layer with weights makes it: one with different
    adapters for the rows of a batch.
    """
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    counts = {
        module: {str(operation): n for operation, n in by_operation.items()}
        for module, by_operation in counter.get_flop_counts().items()
    }
    single = sum(n for name, n in counts.get("Global", {}).items() if not name.endswith(ATTENTION))
    batched = sum(
        n
        for module, by_operation in counts.items()
        if module.endswith(PROJECTION)
        for name, n in by_operation.items()
        if name.endswith(ATTENTION)
    )
    return single + batched


def _require_near_in_both_parts(flops: Callable[[int], Flops], most: int, what: str) -> None:
    """Raises Broken unless declared and counted FLOPs agree for the prompt, and for the text.

    flops: of a row whose text has this many tokens.
    most: tokens of the longer text.
    what: the work, for messages.

    They are judged apart: a long prompt would hide what a token of the text costs, and what grows
    with a text is most of a real one.
    """
    short = flops(1)
    _require_near(short, f"{what} with 1 token of text")
    _require_near(flops(most) - short, f"{what} for {most - 1} more tokens of text")


def _require_near(flops: Flops, what: str) -> None:
    if abs(flops.counted - flops.declared) > TOLERANCE * flops.declared:
        raise Broken(
            f"its passes come to {flops.declared:,} FLOPs of {what}, without attention;"
            f" {flops.counted:,} were counted",
            f"the same within {TOLERANCE:.0%}: `PersonalLM.passes` says which model reads what",
        )
