"""Which models the lean step serves, with their weights, checked against their own forward.

The weights are the model's own: its parameters become views of the fused matrices, in place, so
that no weight is held twice and later training is seen. Models that differ from the common shape,
or whose log-probs the check does not find again, go through transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

from harness.engine.lean_check import gaps_of
from harness.engine.lean_fit import FAMILIES, fused, stackable, unfit
from harness.engine.lean_step import LeanDecoder
from harness.errors import UsageError, is_out_of_memory

Step = Literal["auto", "lean", "transformers"]
KEPT = "_lean_step"
"""Attribute of a model that holds its `Choice`."""


@dataclass
class Choice:
    """How a model decodes. refusal: why the lean step does not serve it, once that is known.

    stack: the decoder that both models of a pair share, and this model's place in it.
    tied: parameters with the addresses at which the fused matrices expect them.
    """

    step: Step = "auto"
    decoder: LeanDecoder | None = None
    refusal: str | None = None
    stack: LeanDecoder | None = None
    tied: list[tuple[nn.Parameter, int]] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether the fused matrices still are the model's weights; moving a model ends that."""
        return all(part.data_ptr() == address for part, address in self.tied)


def choose_step(models: Sequence[nn.Module], step: Step) -> None:
    """From now on these models decode by `step`.

    Raises UsageError for "lean" with a model of another shape.
    """
    for model in models:
        if step == "lean" and (refusal := unfit(model)) is not None:
            raise _refused(model, refusal)
        if choice_of(model).step != step:
            setattr(model, KEPT, Choice(step))


def step_taken(models: Sequence[nn.Module]) -> str:
    """What computed the last steps of these models, for the record."""
    choices = [choice_of(model) for model in models]
    if choices and all(each.decoder for each in choices):
        return "lean, stacked" if all(each.stack for each in choices) else "lean"
    reasons = [
        f"{type(model).__name__} {each.refusal}"
        for model, each in zip(models, choices, strict=True)
        if each.refusal
    ]
    return ": ".join(["transformers", *dict.fromkeys(reasons)])


def choice_of(model: nn.Module) -> Choice:
    found = getattr(model, KEPT, None)
    if not isinstance(found, Choice):
        found = Choice()
        setattr(model, KEPT, found)
    return found


def separate(lm: nn.Module) -> None:
    """Give each parameter memory of its own, as files of weights need it.

    The decoders are forgotten, and with them the fused matrices; the next step makes new ones.
    """
    for part in lm.modules():
        if KEPT in vars(part):
            forget(part)
    for weight in lm.parameters():
        if weight.untyped_storage().nbytes() > weight.nbytes:
            weight.data = weight.data.clone()


def forget(model: nn.Module) -> None:
    """Drop the decoder, and with it the fused matrices; why it is refused stays known."""
    choice = choice_of(model)
    setattr(model, KEPT, Choice(choice.step, refusal=choice.refusal))


def lean_decoder(model: nn.Module) -> LeanDecoder | None:
    """The lean step of `model`, built and checked at first use; None: go through transformers.

    With gradients, or in training, it is always None. Raises UsageError if the step was set to
    "lean" and the model fails the check.
    """
    choice = choice_of(model)
    if not _applies(model, choice):
        return None
    if choice.decoder is None or not choice.intact:
        _build([model])
        choice = choice_of(model)
    if choice.decoder is None and choice.step == "lean":
        raise _refused(model, choice.refusal)
    return choice.decoder


def stacked_decoder(models: Sequence[nn.Module]) -> LeanDecoder | None:
    """One decoder of all `models`, so that one step serves them; None if their shapes differ, or
    the check refuses one."""
    if not all(_applies(model, choice_of(model)) for model in models):
        return None
    if (stack := _shared(models)) is not None:
        return stack
    if any(map(unfit, models)) or not stackable(models):
        return None
    _build(models)
    return _shared(models)


def _shared(models: Sequence[nn.Module]) -> LeanDecoder | None:
    """The decoder that all `models` share, if it still holds their weights."""
    choices = [choice_of(model) for model in models]
    stack = choices[0].stack
    shared = all(each.stack is stack and each.intact for each in choices)
    return stack if shared else None


def _refused(model: nn.Module, refusal: str | None) -> UsageError:
    return UsageError(
        f"decode.step = lean: {type(model).__name__} {refusal}; expected one of"
        f" {', '.join(FAMILIES)} in its common form. Use --set decode.step=auto"
    )


def _applies(model: nn.Module, choice: Choice) -> bool:
    """Whether the lean step may serve a model now, as far as is known."""
    casting = any(torch.is_autocast_enabled(device) for device in ("cpu", "cuda"))
    if torch.is_grad_enabled() or model.training or casting:
        return False
    refused = choice.decoder is None and choice.refusal is not None and choice.step != "lean"
    return choice.step != "transformers" and not refused


def _build(models: Sequence[nn.Module]) -> None:
    """Fuse the weights of models of one shape, check each model, and keep what was found."""
    steps = [choice_of(model).step for model in models]
    refusals = [unfit(model) for model in models]
    if any(refusals):
        for model, step, refusal in zip(models, steps, refusals, strict=True):
            setattr(model, KEPT, Choice(step, refusal=refusal))
        return
    stack = fused(models)
    for index, (model, step) in enumerate(zip(models, steps, strict=True)):
        decoder = stack.model(index)
        refusal = _refused_by_check(model, decoder)
        tied = [(part, part.data_ptr()) for part in model.parameters()]
        shared = stack if len(models) > 1 else None
        found = Choice(step, decoder, None, shared, tied)
        setattr(model, KEPT, found if refusal is None else Choice(step, refusal=refusal))


def _refused_by_check(model: nn.Module, decoder: LeanDecoder) -> str | None:
    """Why the check refuses a model, or None.

    In half precision two right computations of one position can differ by nats (a FlyThinker that
    was trained, read without thoughts). Then most positions must agree, and all in float32.
    """
    gaps = gaps_of(model, decoder)
    found = gaps.refusal()
    if found is None or decoder.norm.dtype is torch.float32:
        return found
    if gaps.refusal(torch.median) is not None:
        return found
    forget(model)  # a decoder would be copied
    try:
        with torch.inference_mode(False), torch.no_grad():  # see `fused`
            wide = deepcopy(model).float()
        return gaps_of(wide, fused([wide])).refusal() and found
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return found
