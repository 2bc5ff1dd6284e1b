"""What `benchmarks.compiled` measures: a decoding step and a training pass, compiled or not."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, LlamaConfig

from benchmarks.decoding import model, prompts
from benchmarks.peers_parts import summary, train_rows
from harness.engine import CausalLM
from harness.engine.clock import now
from harness.engine.lean_models import choose_step
from harness.engine.lean_state import LeanState
from harness.engine.lean_step import LeanDecoder
from harness.engine.lm import embed, head
from harness.engine.train import precision, to_batch

Found = dict[str, Any]
PLAIN, COMPILED = "as it is", "compiled"
ROUNDS = 5
PROMPT = 256
"""Tokens of a prompt."""
STEPS = {"mini": 100, "smollm2": 10}
"""Size → decoding steps of a round."""


def cpu() -> float:
    """CPU seconds of this process and of the children that it waited for."""
    spent = os.times()
    return time.process_time() + spent.children_user + spent.children_system


def layer(
    x: Tensor, norm: Tensor, qkv: Tensor, bias: Tensor | None, out: Tensor, mlp_norm: Tensor,
    gate_up: Tensor, down: Tensor, keys: Tensor, values: Tensor, rope: Tensor, position: Tensor,
    end: int, heads: int, kv_heads: int, epsilon: float, scale: float,
) -> Tensor:  # fmt: skip
    """One layer of the lean step for a new column x [1,B,D], as one plain function.

    Args:
        x: the residual stream.
        norm, qkv, bias, out, mlp_norm, gate_up, down: weights, as in `lean_step.Layer`.
        keys, values: buffers [B,K,C,d].
        rope: cosine and signed sine [2,d] of the column's position.
        position: [1], the column that is written: a number would be compiled in.
        end: columns in use, with the new one.
        heads, kv_heads, epsilon, scale: see `lean_step.Shape`.
    """
    rows, half = x.size(1), keys.size(3) // 2
    normed = norm * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + epsilon))
    mixed = torch.bmm(normed, qkv.transpose(1, 2))
    if bias is not None:
        mixed = mixed + bias
    split = mixed.view(rows, heads + 2 * kv_heads, -1)
    qk = split[:, : heads + kv_heads]
    qk = qk * rope[0] + torch.cat([qk[..., half:], qk[..., :half]], -1) * rope[1]
    keys.index_copy_(2, position, qk[:, heads:, None])
    values.index_copy_(2, position, split[:, heads + kv_heads :, None])
    q = qk[:, :heads].reshape(rows * kv_heads, heads // kv_heads, -1)
    known = keys[:, :, :end].flatten(0, 1)
    scores = (torch.bmm(q, known.transpose(1, 2)) * scale).softmax(-1)
    read = torch.bmm(scores, values[:, :, :end].flatten(0, 1)).reshape(1, rows, -1)
    x = x + torch.bmm(read, out.transpose(1, 2))
    normed = mlp_norm * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + epsilon))
    gate, up = torch.bmm(normed, gate_up.transpose(1, 2)).chunk(2, -1)
    return x + torch.bmm(F.silu(gate) * up, down.transpose(1, 2))


Compute = Callable[..., Tensor]


def column(decoder: LeanDecoder, one: Compute) -> Callable[..., Tensor]:
    """The lean step for a new column x [1,B,D] of rows of one length; `one` computes a layer."""
    shape = decoder.shape
    given = [
        (each.norm, each.qkv.weight, each.qkv.bias, each.out.weight, each.mlp_norm,
         each.gate_up.weight, each.down.weight)
        for each in decoder.layers
    ]  # fmt: skip

    def hidden(
        x: Tensor, keys: list[Tensor], values: list[Tensor], rope: Tensor, at: Tensor, end: int
    ) -> Tensor:
        for weights, k, v in zip(given, keys, values, strict=True):
            x = one(x, *weights, k, v, rope, at, end, shape.heads, shape.kv_heads, shape.epsilon,
                    shape.scale)  # fmt: skip
        root = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + shape.epsilon)
        return decoder.norm * (x * root)

    return hidden


def by_torchscript(decoder: LeanDecoder) -> Callable[..., Tensor]:
    """Layers without Python, and without a C++ compiler."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        return column(decoder, torch.jit.script(layer))


WAYS: Mapping[str, Callable[[LeanDecoder], Callable[..., Tensor]]] = {
    "the whole step, torch.compile": lambda decoder: torch.compile(
        column(decoder, layer), fullgraph=True
    ),
    "layer by layer, torch.compile": lambda decoder: column(
        decoder, torch.compile(layer, fullgraph=True)
    ),
    "layer by layer, TorchScript": by_torchscript,
}
"""Name → what makes the compiled step of a decoder."""


def decoding(size: str, batch: int, way: str) -> Found:
    """CPU time of a greedy decoding step in paired rounds: the lean step, and a compiled one."""
    lm = CausalLM(model(size))  # outside inference mode: its parameters could not be fused
    choose_step([lm.model], "lean")
    with torch.inference_mode():
        return _decoding(lm, size, batch, way)


def _decoding(lm: CausalLM, size: str, batch: int, way: str) -> Found:
    rows, count = prompts(lm.model, batch, PROMPT), STEPS[size]
    compiled = WAYS[way](_prefilled(lm, rows)[1].decoder)

    def step(tokens: Tensor, state: LeanState) -> tuple[Tensor, LeanState]:
        x, end = embed(lm.model, tokens[:, None])[None, :, 0], state.end
        hidden = compiled(
            x, state.keys, state.values, state.rope[end], torch.tensor([end]), end + 1
        )
        state.end = end + 1
        return head(lm.model, hidden[0], state), state

    def steps(advance: Callable[..., Any], most: int) -> tuple[float, Tensor]:
        """CPU seconds of a step, and all logits."""
        logits, state = _prefilled(lm, rows)
        state.reserve(PROMPT + count + 1)
        advance(logits.argmax(-1), state)
        begin, found = cpu(), []
        for _ in range(most):
            logits, state = advance(logits.argmax(-1), state)
            found.append(logits)
        return (cpu() - begin) / most, torch.stack(found)

    costs = _costs(lambda: steps(step, 5))
    taken, logits = {PLAIN: list[float](), COMPILED: list[float]()}, {}
    for _ in range(ROUNDS):
        for name, advance in ((PLAIN, lm.step), (COMPILED, step)):
            seconds, logits[name] = steps(advance, count)
            taken[name].append(seconds)
    known, other = logits[PLAIN], logits[COMPILED]
    return {
        **summary(taken, [(PLAIN, COMPILED)]), **costs, **_earned(taken, costs),
        "largest difference": float(f"{(known - other).abs().max().item():.2g}"),
        "same tokens": torch.equal(known.argmax(-1), other.argmax(-1)),
    }  # fmt: skip


def _prefilled(lm: CausalLM, rows: list[list[int]]) -> tuple[Tensor, LeanState]:
    logits, state = lm.eval().prefill(rows)
    assert isinstance(state, LeanState)
    return logits, state


def training(size: str, dtype: str) -> Found:
    """CPU time of forward and backward over one step's rows, the body compiled or not."""
    if size == "mini":
        lm, rows = CausalLM(model("mini")), train_rows("mini")
    else:
        lm, rows = CausalLM(four_layers()), train_rows("smollm2")
    batches = [to_batch([row]) for row in rows[:2]]  # two lengths, so that sizes are dynamic
    body: Any = lm.train().model.base_model
    forwards = {PLAIN: body.forward, COMPILED: torch.compile(body.forward, dynamic=True)}

    def passes(name: str) -> tuple[float, dict[str, Tensor]]:
        """CPU seconds, and the gradients."""
        body.forward = forwards[name]
        lm.zero_grad(set_to_none=True)
        begin = cpu()
        for batch in batches:
            with precision(torch.device("cpu"), getattr(torch, dtype)):
                loss = lm(batch)
            loss.backward()
        spent = cpu() - begin
        return spent, {
            name: part.grad for name, part in lm.named_parameters() if part.grad is not None
        }

    known = passes(PLAIN)[1]
    costs = _costs(lambda: passes(COMPILED))
    other = passes(COMPILED)[1]
    gaps = [(known[name] - other[name]).norm() / known[name].norm() for name in known]
    taken = {PLAIN: list[float](), COMPILED: list[float]()}
    for _ in range(ROUNDS):
        for name, seconds in taken.items():
            seconds.append(passes(name)[0])
    return {
        **summary(taken, [(PLAIN, COMPILED)]), **costs, **_earned(taken, costs),
        "largest difference": float(f"{max(gap.item() for gap in gaps):.2g}"),
    }  # fmt: skip


def four_layers() -> Any:
    """SmolLM2-135M with 4 of its 30 layers: compiling all takes minutes."""
    config = LlamaConfig(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=4,
        num_attention_heads=9, num_key_value_heads=3, tie_word_embeddings=True,
        max_position_embeddings=8192,
    )  # fmt: skip
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def _costs(first: Callable[[], object]) -> Found:
    """Seconds of the first calls, which compile."""
    begin, spent = now(), cpu()
    first()
    return {"compile": {"cpu_s": round(cpu() - spent, 1), "wall_s": round(now() - begin, 1)}}


def _earned(taken: Mapping[str, list[float]], costs: Found) -> Found:
    """Steps after which the time of compiling is earned; None where no step is faster."""
    gain = median(taken[PLAIN]) - median(taken[COMPILED])
    return {"earned after": round(costs["compile"]["cpu_s"] / gain) if gain > 0 else None}
