"""The lean step for one new column in float32 on a CPU, which is what decoding asks for.

A step of a small model is mostly Python and small kernels. So all buffers, and all views of them
and of the weights, are made once for the rows of a state, and the kernels write into them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.engine.lean_products import Calls, prepared

if TYPE_CHECKING:
    from harness.engine.lean_state import LeanState
    from harness.engine.lean_step import Layer, LeanDecoder


class Norm:
    """RMSNorm of a buffer x [...,D] into another, or in place: x / √(mean x² + ε), without weight.

    floor: √(D·ε).
    """

    def __init__(self, x: Tensor, floor: Tensor) -> None:
        self.x, self.floor = x, floor
        self.root = x.new_empty(*x.shape[:-1], 1)
        self.scale = x.new_tensor(x.size(-1) ** 0.5)  # dividing by a tensor is faster than by 11.3

    def __call__(self, out: Tensor) -> Tensor:
        torch.linalg.vector_norm(self.x, dim=-1, keepdim=True, out=self.root)
        self.root.hypot_(self.floor).div_(self.scale)
        return torch.div(self.x, self.root, out=out)


class OneColumn:
    """Steps of one column for the rows of `state`, as long as it has the same buffers.

    M models, B rows of each, R = M·B; H heads, K key-value heads of width d.
    """

    def __init__(self, decoder: LeanDecoder, state: LeanState) -> None:
        self.decoder, shape = decoder, decoder.shape
        models, rows = decoder.models, len(state.lengths) // decoder.models
        heads, kv_heads, head_dim = shape.heads, shape.kv_heads, shape.head_dim
        new, width = decoder.norm.new_empty, decoder.norm.size(-1)
        inner = decoder.layers[0].down.weight.size(2)
        # 1. Residual stream, and what the products read and write
        self.x, self.normed = new(models, rows, width), new(models, rows, width)
        qkv = new(models, rows, (heads + 2 * kv_heads) * head_dim)
        mixed, both = new(models, rows, heads * head_dim), new(models, rows, 2 * inner)
        self.gated = new(models, rows, inner)
        # 2. Views of them
        each = qkv.view(models * rows, heads + 2 * kv_heads, head_dim)
        self.q, self.k, self.v = each.split([heads, kv_heads, kv_heads], 1)
        self.qk = each[:, : heads + kv_heads]
        groups = self.q.unflatten(1, (kv_heads, -1))
        self.queries = groups[0] if len(groups) == 1 else torch.empty_like(groups).flatten(0, 1)
        self.groups = groups if len(groups) > 1 else None
        self.mixed = mixed.view(self.queries.shape)
        self.gate, self.up = both.chunk(2, -1)
        # 3. Norms and products between them
        self.norm = Norm(self.x, decoder.floors[width])
        self.head_norm = Norm(self.qk, decoder.floors[head_dim])
        self.zero = new(1).zero_()
        self.layers: list[tuple[Layer, Calls, Calls, Calls, Calls]] = [
            (
                layer,
                prepared(layer.qkv, self.normed, qkv),
                prepared(layer.out, mixed, self.x, onto=True),
                prepared(layer.gate_up, self.normed, both),
                prepared(layer.down, self.gated, self.x, onto=True),
            )
            for layer in decoder.layers
        ]
        # 4. Keys [R·K,d,C] and values [R·K,C,d] as the products read them
        self.keys = [keys.flatten(0, 1).transpose(1, 2) for keys in state.keys]
        self.values = [values.flatten(0, 1) for values in state.values]

    def __call__(self, embeddings: Tensor, state: LeanState) -> Tensor:
        """Append a column [M,B,1,D], for which `state` has room: hidden [M,B,1,D]."""
        start, end = state.end, state.end + 1
        if state.bias is None:
            cosine, sine = state.rope[start].unbind(0)
            bias = self.zero
        else:
            cosine, sine = state.rope[state.lengths][:, :, None].unbind(1)
            bias = state.bias[..., :end].flatten(0, 1)
        self.x.copy_(embeddings[:, :, 0])
        for index, (layer, qkv, out, gate_up, down) in enumerate(self.layers):
            # 1. Attention
            self.norm(self.normed).mul_(layer.norm)
            for call in qkv:
                call()
            if layer.q_norm is not None and layer.k_norm is not None:
                self._head_norms(layer.q_norm, layer.k_norm)
            turned = self.qk.roll(self.decoder.shape.head_dim // 2, -1)
            self.qk.mul_(cosine).addcmul_(turned, sine)
            state.keys[index].select(2, start).copy_(self.k)
            state.values[index].select(2, start).copy_(self.v)
            self._attend(self.keys[index].narrow(2, 0, end), self.values[index], bias)
            for call in out:
                call()
            # 2. SwiGLU
            self.norm(self.normed).mul_(layer.mlp_norm)
            for call in gate_up:
                call()
            torch.mul(F.silu(self.gate), self.up, out=self.gated)
            for call in down:
                call()
        hidden = self.norm(torch.empty_like(self.x)).mul_(self.decoder.norm)
        return hidden[:, :, None]

    def _attend(self, keys: Tensor, values: Tensor, bias: Tensor) -> None:
        """What the new column reads; the heads of a group are the queries of one product.

        Two batched products take a third of the time of `scaled_dot_product_attention`.
        """
        if self.groups is not None:
            self.queries.view(self.groups.shape).copy_(self.groups)
        scale = self.decoder.shape.scale
        scores = torch.baddbmm(bias, self.queries, keys, alpha=scale).softmax(-1)
        torch.bmm(scores, values.narrow(1, 0, keys.size(2)), out=self.mixed)

    def _head_norms(self, q_norm: Tensor, k_norm: Tensor) -> None:
        """Qwen3's norms of each head, with weights [M,1,d]."""
        self.head_norm(self.qk)
        for part, weight in ((self.q, q_norm), (self.k, k_norm)):
            part.view(self.decoder.models, -1, *part.shape[1:]).mul_(weight[:, None])
