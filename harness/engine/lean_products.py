"""The products of the lean step: the fastest form for the number of rows, and low-rank adapters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

FEW_ROWS = 4
"""Up to so many rows of a model a product is W xᵀ, not x Wᵀ (docs/performance.md has the times)."""
SMALL = 1 << 18
"""Numbers in a weight below which x Wᵀ is the faster for a single row."""

Calls = tuple[Callable[[], object], ...]
"""Kernels on fixed buffers, to be called in turn."""


@dataclass(frozen=True)
class Adapters:
    """Low-rank adapters of M models over fused linear layers: down [M,in,r], up [M,r,out].

    They are copies, scaled, with zeros where a part of `up` belongs to another of the fused layers.
    layers: for each model, peft's layer of each fused layer, or None where it has no adapter.
    """

    down: Tensor
    up: Tensor
    layers: tuple[tuple[Any, ...], ...]

    def model(self, index: int) -> Adapters:
        part = slice(index, index + 1)
        return Adapters(self.down[part], self.up[part], self.layers[part])

    @torch.no_grad()
    def refresh(self) -> None:
        """Copy the adapters again, which training may have changed."""
        for down, up, layers in zip(self.down, self.up, self.layers, strict=True):
            row, column = 0, 0
            for layer in layers:
                width = _base(layer).out_features
                if adapted := has_adapter(layer):
                    name = layer.active_adapters[0]
                    a, b = layer.lora_A[name].weight, layer.lora_B[name].weight
                    rows = slice(row, row + len(a))
                    down[:, rows] = a.T
                    up[rows, column : column + width] = b.T * layer.scaling[name]
                row += len(a) if adapted else 0
                column += width

    def added(self, found: Tensor, x: Tensor) -> Tensor:
        """found [M,N,out] + what the adapters make of x [M,N,in]."""
        return torch.baddbmm(found, torch.bmm(x, self.down), self.up)


@dataclass(frozen=True)
class Linear:
    """A linear layer of M stacked models, or several with one input as one.

    weight [M,out,in], or [1,out,in] where all models share it; bias likewise [M,1,out].
    """

    weight: Tensor
    bias: Tensor | None = None
    adapters: Adapters | None = None

    def model(self, index: int) -> Linear:
        """The layer of one of the stacked models, as views."""
        return replace(
            self,
            weight=of_model(self.weight, index),
            bias=None if self.bias is None else of_model(self.bias, index),
            adapters=None if self.adapters is None else self.adapters.model(index),
        )

    def __call__(self, x: Tensor, onto: Tensor | None = None) -> Tensor:
        """x [M,N,in] → [M,N,out], added to `onto` [M,N,out] if given."""
        start = self.bias if onto is None or self.bias is None else onto + self.bias
        found = product(x, self.weight, onto if start is None else start)
        return found if self.adapters is None else self.adapters.added(found, x)


def of_model(part: Tensor, index: int) -> Tensor:
    """The part [1,…] of a model in [M,…], or in [1,…] where all models share it."""
    return part if len(part) == 1 else part[index, None]


def product(x: Tensor, weight: Tensor, start: Tensor | None = None) -> Tensor:
    """x [M,N,in] · weight [M or 1,out,in] (+ start [M,N or 1,out]) → [M,N,out].

    A weight that all models share is read once for the rows of all.
    """
    models, rows, width = x.shape
    if len(weight) < models:
        flat = None if start is None else start.reshape(1, -1, weight.size(1))
        return product(x.reshape(1, -1, width), weight, flat).view(models, rows, -1)
    if _as_columns(x, weight):
        return _few_rows(x, weight, start)
    if start is None:
        return torch.bmm(x, weight.transpose(1, 2))
    return torch.baddbmm(start, x, weight.transpose(1, 2))


def _as_columns(x: Tensor, weight: Tensor) -> bool:
    """Whether W xᵀ is the faster form for x [M,N,in] and weight [M,out,in]."""
    models, rows, _ = x.shape
    small = models == rows == 1 and weight.numel() < SMALL
    return rows <= FEW_ROWS and x.dtype is torch.float32 and x.device.type == "cpu" and not small


def _columns(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """W and xᵀ of contiguous x [M,N,in].

    Two halves of W are a batch, which a single vector is not: it would go to a routine of half the
    speed.
    """
    models, rows, width = x.shape
    # xᵀ with the strides of a transposed matrix: one column alone would pass for a row, 7 × slower
    columns = x.as_strided((models, width, rows), (rows * width, 1, width))
    if models == rows == 1 and weight.size(1) % 2 == 0:
        return weight.view(2, -1, width), columns.expand(2, -1, -1)
    return weight, columns


def _few_rows(x: Tensor, weight: Tensor, start: Tensor | None) -> Tensor:
    """`product` as W xᵀ."""
    models, rows, _ = x.shape
    weight, columns = _columns(x.contiguous(), weight)
    if start is None:
        found = torch.bmm(weight, columns)
    else:
        start = start.transpose(1, 2).reshape(len(weight), weight.size(1), -1)
        found = torch.baddbmm(start, weight, columns)
    return found.view(models, -1, rows).transpose(1, 2).contiguous()


def prepared(linear: Linear, x: Tensor, out: Tensor, *, onto: bool = False) -> Calls:
    """`linear` from one contiguous buffer into another, as kernels that need no more thought.

    Args:
        linear: the layer.
        x: the buffer that it reads, [M,N,in].
        out: the buffer that it writes, [M,N,out].
        onto: add to what `out` holds.
    """
    adapters, weight, bias = linear.adapters, linear.weight, linear.bias
    added = [partial(_add, out, x, adapters)] if adapters is not None else []
    # 1. A weight that all models share is read once for the rows of all
    x, out = (part.view(len(weight), -1, part.size(2)) for part in (x, out))
    calls: list[Callable[[], object]] = []
    if bias is not None:
        calls.append(partial(out.add_ if onto else out.copy_, bias))
    # 2. The form of the product. Several columns come out transposed
    left, right, into = x, weight.transpose(1, 2), out
    if columns := _as_columns(x, weight):
        left, right = _columns(x, weight)
        into = left.new_empty(len(left), left.size(1), x.size(1))
        if x.size(1) == 1:
            into, columns = out.view(into.shape), False
    # 3. The product
    if onto or bias is not None:
        calls += [partial(into.copy_, out.transpose(1, 2))] if columns else []
        calls.append(partial(into.baddbmm_, left, right))
    else:
        calls.append(partial(torch.bmm, left, right, out=into))
    calls += [partial(out.copy_, into.transpose(1, 2))] if columns else []
    return (*calls, *added)


def _add(out: Tensor, x: Tensor, adapters: Adapters) -> None:
    """Add what the adapters make of x [M,N,in] to out [M,N,out]."""
    out.baddbmm_(torch.bmm(x, adapters.down), adapters.up)


def has_adapter(layer: Any) -> bool:
    """Whether a layer is peft's, around one of the model's own."""
    return hasattr(layer, "lora_A")


def plain_adapter(layer: Any) -> bool:
    """Whether `Linear` computes what peft's layer does: one adapter, of the usual kind."""
    return (
        has_adapter(layer)
        and type(layer).__module__ == "peft.tuners.lora.layer"
        and type(layer.base_layer) is nn.Linear
        and len(layer.active_adapters) == 1
        and layer.active_adapters[0] in layer.lora_A
        and not (layer.merged or layer.disable_adapters or layer.fan_in_fan_out)
        and not (layer.lora_variant or any(layer.lora_bias.values()))
    )


def _base(layer: Any) -> Any:
    return layer.base_layer if has_adapter(layer) else layer


def stacked_linear(groups: Sequence[Sequence[Any]]) -> Linear:
    """One layer of the layers with one input, a group of each model; see `tied`."""
    bases = [[_base(layer) for layer in group] for group in groups]
    weight = tied([[each.weight for each in group] for group in bases])
    bias = None
    if bases[0][0].bias is not None:
        bias = tied([[each.bias for each in group] for group in bases])[:, None]
    return Linear(weight, bias, _adapters(groups, weight))


def _adapters(groups: Sequence[Sequence[Any]], like: Tensor) -> Adapters | None:
    """The adapters of layers that have some, in the number type of their weights."""
    rank = sum(layer.r[layer.active_adapters[0]] for layer in groups[0] if has_adapter(layer))
    if not rank:
        return None
    made = Adapters(
        like.new_zeros(len(groups), like.size(2), rank),
        like.new_zeros(len(groups), rank, like.size(1)),
        tuple(map(tuple, groups)),
    )
    made.refresh()
    return made


def tied(groups: Sequence[Sequence[nn.Parameter]]) -> Tensor:
    """[M,rows,…]: each model's parameters one below the other; they become views of it.

    [1,rows,…] where all models have the same parameters.
    """
    if all(own is part for group in groups for own, part in zip(group, groups[0], strict=True)):
        groups = groups[:1]
    joint = torch.stack([torch.cat([part.data for part in group]) for group in groups])
    for index, group in enumerate(groups):
        sizes = [part.size(0) for part in group]
        for part, view in zip(group, joint[index].split(sizes), strict=True):
            part.data = view
    return joint
