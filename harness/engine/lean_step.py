"""A decoding step without transformers' overhead, for the common shape of causal LMs.

The shape: RMSNorm before each block, RoPE, grouped heads, SwiGLU (Llama, Mistral, Qwen2, Qwen3).
`start` and `extend` of lm.py use it where no gradient is needed; see lean_models.py for which
models it serves. It differs from transformers' forward in three ways:

1. q, k and v are one product, gate and up another.
2. Keys and values lie in plain buffers. All rows write the same column; a row's first column says
   where it begins. No mask where all rows have one length.
3. Models of one shape can be stacked: M models take one batched product, with B rows of each.
   Where they share their weights and differ in adapters alone, these are read once for all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.engine.batch import to_the_right
from harness.engine.lean_column import OneColumn
from harness.engine.lean_graph import GraphedColumn
from harness.engine.lean_products import Linear, of_model
from harness.engine.lean_state import BLOCK, LeanState, row_bias

Rotary = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Positions [T] → cosine and sine [T,d]."""


@dataclass(frozen=True)
class Shape:
    """What stacked models share: H heads, K key-value heads, width d of a head, norms' epsilon."""

    heads: int
    kv_heads: int
    head_dim: int
    epsilon: float
    scale: float


@dataclass(frozen=True)
class Layer:
    """Weights of one layer of M stacked models; a head norm is None where there is none.

    qkv, gate_up: several layers as one. norm, mlp_norm [M,1,D]; q_norm, k_norm [M,1,d]; with 1 for
    M where all models share them.
    """

    norm: Tensor
    qkv: Linear
    out: Linear
    mlp_norm: Tensor
    gate_up: Linear
    down: Linear
    q_norm: Tensor | None = None
    k_norm: Tensor | None = None

    @property
    def linear(self) -> tuple[Linear, ...]:
        return self.qkv, self.out, self.gate_up, self.down

    def model(self, index: int) -> Layer:
        """The weights of one of the stacked models, as views."""

        def own(part: Any) -> Any:
            return part.model(index) if isinstance(part, Linear) else of_model(part, index)

        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return Layer(**{name: own(part) for name, part in parts.items() if part is not None})


class LeanDecoder:
    """M stacked models as plain tensors: embeddings in, hidden states after the final norm out.

    Args:
        shape: heads and widths.
        layers: weights of each layer.
        norm: weight of the final norm [M,1,D].
        rotary: `rotary(positions)` → (cosine, sine) [T,d], with the model's scaling.
        models: M.
    """

    def __init__(
        self, shape: Shape, layers: Sequence[Layer], norm: Tensor, rotary: Rotary, models: int = 1
    ) -> None:
        self.shape, self.layers, self.norm, self.rotary = shape, list(layers), norm, rotary
        self.models, width = models, norm.size(-1)
        self.one_column = kind_of_column(norm)
        # of the norms: RMSNorm is x · √D / √(Σx² + D·ε), and hypot(‖x‖, √(D·ε)) is the second root
        self.floors = {
            size: norm.new_tensor((size * shape.epsilon) ** 0.5, dtype=torch.float32)
            for size in {width, shape.head_dim}
        }

    def model(self, index: int) -> LeanDecoder:
        """The decoder of one of the stacked models, with the same weights."""
        layers = [layer.model(index) for layer in self.layers]
        return LeanDecoder(self.shape, layers, of_model(self.norm, index), self.rotary)

    def rope_table(self, length: int) -> Tensor:
        """[C,2,d]: cosine, and sine with the sign of the half that it turns."""
        cosine, sine = self.rotary(torch.arange(length, device=self.norm.device))
        half = self.shape.head_dim // 2
        return torch.stack([cosine, torch.cat([-sine[:, :half], sine[:, half:]], -1)], 1)

    def start(self, embeddings: Tensor, real: Tensor) -> tuple[Tensor, LeanState]:
        """Read left-padded embeddings [M,B,T,D]: (hidden [M,B,T,D], state). real [B,T].

        For the pass, padding moves to the right, where causal attention never reaches it.
        """
        shape, (models, rows, length, _) = self.shape, embeddings.shape
        for layer in self.layers:
            for linear in layer.linear:
                if linear.adapters is not None:
                    linear.adapters.refresh()
        # 1. An empty state
        size = (models * rows, shape.kv_heads, length + BLOCK, shape.head_dim)
        keys, values = ([embeddings.new_zeros(size) for _ in self.layers] for _ in range(2))
        lengths, bias = real.sum(-1).repeat(models), None
        order = to_the_right(real)
        if order is not None:
            bias = row_bias(lengths, length, keys[0])
            order = order.repeat(models, 1)
            embeddings = _columns(embeddings.flatten(0, 1), order).view_as(embeddings)
        rope = self.rope_table(length + BLOCK)
        state = LeanState(self, keys, values, 0, lengths, bias, rope)
        # 2. The pass
        back = None if order is None else order.argsort(-1)
        hidden = self.read(embeddings, state, rope[:length, :, None], slice(length), back)
        state.end = length
        if back is None:
            return hidden, state
        return _columns(hidden.flatten(0, 1), back).view_as(hidden), state

    def extend(self, embeddings: Tensor, state: LeanState) -> Tensor:
        """Append columns [M,B,t,D], real in every row: hidden [M,B,t,D]. Changes `state`."""
        count = embeddings.size(2)
        state.reserve(state.end + count)
        if count == 1 and self.one_column is not None:
            if state.column is None:
                state.column = self.one_column(self, state)
            hidden = state.column(embeddings, state)
        else:
            hidden = self._later(embeddings, state)
        state.end += count
        state.lengths = state.lengths + count
        return hidden

    def _later(self, embeddings: Tensor, state: LeanState) -> Tensor:
        """`read` columns [M,B,t,D] after others."""
        count = embeddings.size(2)
        window = slice(state.end, state.end + count)
        if state.bias is None:
            rope = state.rope[window, :, None]
        else:
            steps = torch.arange(count, device=embeddings.device)
            rope = state.rope[state.lengths[:, None] + steps][..., None, :]
        return self.read(embeddings, state, rope, window)

    def read(
        self,
        embeddings: Tensor,
        state: LeanState,
        rope: Tensor,
        at: slice | Tensor,
        back: Tensor | None = None,
    ) -> Tensor:
        """All layers over new columns [M,B,t,D]: hidden [M,B,t,D].

        Args:
            embeddings: the columns.
            state: lengths and end are those before the new columns.
            rope: [t,2,1,d] or [R,t,2,1,d].
            at: the columns of the buffers that are written, as a slice or ids [t].
            back: order that moves padding back to the left, where it was moved to the right.
        """
        shape, (models, rows, count, width) = self.shape, embeddings.shape
        queries, turned = shape.heads, shape.heads + shape.kv_heads
        cosine, sine = rope.unbind(-3)
        x = embeddings.reshape(models, rows * count, width)
        for layer, keys, values in zip(self.layers, state.keys, state.values, strict=True):
            # 1. Attention: one product for q, k and v, and one rotation for q and k
            qkv = layer.qkv(self._rms(x, layer.norm))
            heads = qkv.view(models * rows, count, -1, shape.head_dim)
            qk, v = heads[:, :, :turned], heads[:, :, turned:]
            if layer.q_norm is not None and layer.k_norm is not None:
                qk = self._head_norms(qk, layer.q_norm, layer.k_norm)
            qk = torch.addcmul(qk * cosine, qk.roll(shape.head_dim // 2, -1), sine)
            q, k = qk[:, :, :queries], qk[:, :, queries:]
            keys[:, :, at] = (k if back is None else _columns(k, back)).transpose(1, 2)
            values[:, :, at] = (v if back is None else _columns(v, back)).transpose(1, 2)
            mixed = self._attend(q, k, v, state, keys, values)
            x = layer.out(mixed.reshape(models, rows * count, -1), onto=x)
            # 2. SwiGLU: one product for gate and up
            both = layer.gate_up(self._rms(x, layer.mlp_norm))
            gate, up = both.chunk(2, -1)
            x = layer.down(F.silu(gate) * up, onto=x)
        return self._rms(x, self.norm).view(models, rows, count, width)

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, state: LeanState, keys: Tensor, values: Tensor
    ) -> Tensor:
        """What new columns read: q [R,t,H,d] → [R,t,H,d].

        Args:
            q, k, v: of the new columns; k, v [R,t,K,d].
            state: its bias and end.
            keys, values: the layer's buffers, with the new columns.
        """
        count, scale = q.size(1), self.shape.scale
        # 1. An empty cache: causal, and padding is on the right
        if state.end == 0:
            q, k, v = (part.transpose(1, 2) for part in (q, k, v))
            mixed = F.scaled_dot_product_attention(
                q, k, v, is_causal=True, scale=scale, enable_gqa=True
            )
            return mixed.transpose(1, 2)
        end = state.end + count
        keys, values = keys[:, :, :end], values[:, :, :end]
        bias = None if state.bias is None else state.bias[..., :end]
        # 2. One column: the heads of a group are the queries of one product, so none is repeated
        if count == 1:
            grouped = q.reshape(len(q), self.shape.kv_heads, -1, self.shape.head_dim)
            return F.scaled_dot_product_attention(
                grouped, keys, values, attn_mask=bias, scale=scale
            )
        # 3. Several columns after others
        later = torch.full((count, end), -torch.inf, dtype=q.dtype, device=q.device).triu(
            state.end + 1
        )
        mask = later if bias is None else later + bias[:, :1]
        mixed = F.scaled_dot_product_attention(
            q.transpose(1, 2), keys, values, attn_mask=mask, scale=scale, enable_gqa=True
        )
        return mixed.transpose(1, 2)

    def _head_norms(self, qk: Tensor, q_norm: Tensor, k_norm: Tensor) -> Tensor:
        """Qwen3's norms of each head: qk [R,t,H+K,d]."""
        stacked = qk.view(self.models, -1, qk.size(-2), qk.size(-1))
        q, k = stacked.split([self.shape.heads, self.shape.kv_heads], -2)
        normed = [self._rms(q, q_norm[:, None]), self._rms(k, k_norm[:, None])]
        return torch.cat(normed, -2).view_as(qk)

    def _rms(self, x: Tensor, weight: Tensor) -> Tensor:
        """RMSNorm over the last dimension, in float32: x / √(mean x² + ε) · weight."""
        wide, width = x.float(), x.size(-1)
        norm = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
        root = torch.hypot(norm, self.floors[width]) / width**0.5
        normed: Tensor = weight * (wide / root).to(x.dtype)
        return normed


def kind_of_column(weight: Tensor) -> type[OneColumn | GraphedColumn] | None:
    """What takes the steps of one column, by a weight's device and number type; None: `read`."""
    if weight.device.type == "cuda":
        return GraphedColumn
    return OneColumn if weight.dtype is torch.float32 else None


def _columns(rows: Tensor, order: Tensor) -> Tensor:
    """rows [R,T,…] with the columns of each in `order` [R,T]."""
    index = order.view(*order.shape, *[1] * (rows.ndim - 2))
    return rows.gather(1, index.expand_as(rows))
