"""Frozen weights in 4 bits below adapters (QLoRA, Dettmers et al. 2023, arXiv 2305.14314), by
bitsandbytes: NF4 in blocks of 64, their scales quantized again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from harness.engine.lm import PersonalLM, causal_lms
from harness.errors import UsageError

KIND = "nf4"
MOST_ERROR = 0.2
"""Relative error of a layer's weights that is no rounding any more: NF4 has 0.09 on a normal
distribution. bitsandbytes 0.50 has 0.15 to 0.6 on a CPU where rows are no multiple of a block."""


def quantize(model: Any) -> None:
    """Keep every linear layer of a causal LM but its head in 4 bits; in place, on the CPU.

    Raises UsageError without bitsandbytes.
    """
    try:
        bits: Any = import_module("bitsandbytes")
    except ImportError as error:
        raise UsageError(
            f"model.adapter=qlora: the package bitsandbytes cannot be imported ({error})\n"
            "  mend      pip install '.[qlora]', or --set model.adapter=lora with"
            " --set model.dtype=bfloat16 for less memory"
        ) from None
    head = model.get_output_embeddings()
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is nn.Linear and layer is not head:
                setattr(parent, name, _quantized(bits, layer, name))
    model.is_loaded_in_4bit = True  # peft asks for it


def _quantized(bits: Any, layer: nn.Linear, name: str) -> nn.Module:
    with torch.device("meta"):
        made: Any = bits.nn.Linear4bit(
            layer.in_features, layer.out_features, layer.bias is not None, quant_type=KIND
        )
    weight = layer.weight.data.cpu().contiguous()
    made.weight = bits.nn.Params4bit(
        weight.clone(), requires_grad=False, quant_type=KIND, module=made
    )
    made.bias = layer.bias
    # on some CPUs generation would repack the weights and round their scales: other texts
    made.support_avx512bf16_for_cpu = False
    made.to("cpu")  # which quantizes
    rounded = bits.functional.dequantize_4bit(made.weight.data, made.weight.quant_state)
    error = ((rounded - weight).norm() / weight.norm()).item()
    if not error < MOST_ERROR:
        raise UsageError(
            f"model.adapter=qlora: bitsandbytes {bits.__version__} changes layer {name},"
            f" {layer.out_features} × {layer.in_features}, by {error:.0%}; expected about 9 %."
            " It packs rows wrongly whose length is no multiple of 64\n"
            "  mend      --set model.adapter=lora"
        )
    return made  # type: ignore[no-any-return]


def in_four_bits(model: nn.Module) -> bool:
    """Whether a causal LM has layers in 4 bits."""
    return bool(getattr(model, "is_loaded_in_4bit", False))


def refuse_four_bits(lm: PersonalLM, what: str) -> None:
    """Raises UsageError for a model with layers in 4 bits. what: that cannot take them."""
    if any(in_four_bits(model) for _, model in causal_lms(lm)):
        raise UsageError(
            f"{what}: {type(lm).__name__} has weights in 4 bits; expected whole ones\n"
            "  mend      --set model.adapter=lora"
        )


def to_type(lm: nn.Module, dtype: torch.dtype, frozen_only: bool = False) -> None:
    """Cast parameters to `dtype`; layers in 4 bits stay so, and compute in it.

    frozen_only: leave what trains as it is.
    """
    for part in lm.parameters():
        if part.is_floating_point() and not (frozen_only and part.requires_grad):
            part.data = part.data.to(dtype)
    for layer in _layers(lm):
        layer.compute_dtype, layer.compute_type_is_set = dtype, True


def numbers(lm: nn.Module) -> int:
    """Number of parameters; packed ones count as what they stand for."""
    states = ((part, getattr(part, "quant_state", None)) for part in lm.parameters())
    return sum((part if state is None else state).shape.numel() for part, state in states)


@contextmanager
def countable(model: nn.Module) -> Iterator[None]:
    """Inside, layers in 4 bits multiply by a matrix of their shape, which PyTorch's counter of
    FLOPs knows, where it does not know products of packed weights. Values mean nothing.
    """
    layers = list(_layers(model))
    for layer in layers:
        layer.forward = partial(_any_product, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _any_product(layer: Any, hidden: torch.Tensor) -> torch.Tensor:
    return F.linear(hidden, hidden.new_zeros(layer.out_features, layer.in_features))


def _layers(lm: nn.Module) -> Iterator[Any]:
    return (layer for layer in lm.modules() if hasattr(layer, "compute_type_is_set"))
