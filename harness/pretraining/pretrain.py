"""Pretrain a backbone: training steps, learning rate, checkpoints, and the saved folder."""

import hashlib
import json
import math
import random
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import (
    AutoTokenizer,
    GenerationConfig,
    PreTrainedTokenizerBase,
    Qwen2ForCausalLM,
)

from harness.engine.train_tokenizer import train_tokenizer
from harness.mini import VERSION, backbone_path
from harness.mini.seeding import stream
from harness.pretraining.chat_rows import Row, collate, encode
from harness.pretraining.copying import binding, copying
from harness.pretraining.corpus import habit_probes, single, thread
from harness.pretraining.shape import SEED, build

PEAK, WARM_UP, DECAY = 2e-3, 60, 0.05
COPYING, BINDING, LATER_COPYING = 250, 500, 0.08
"""Steps with copying alone; the step at which binding ends; the share of both after it."""
FIRST_SHARE = 0.7
"""Share of the steps after which threads end with a long document."""
MORE_PEAK = 1e-3
"""Peak learning rate of further steps from packaged weights."""
PROBES = 12


def rows_of(step: int, steps: int, tokenizer: PreTrainedTokenizerBase) -> list[Row]:
    """The rows of one optimizer step: 4,000 to 7,000 tokens, all of one form."""
    rng = stream("pretraining", SEED, step)
    if step < BINDING or rng.random() < LATER_COPYING:
        return _copies(rng, tokenizer, bound=step >= COPYING)
    if rng.random() < 0.3:
        return [encode(single(rng), tokenizer) for _ in range(14)]
    if step < FIRST_SHARE * steps:
        return [encode(thread(rng, 5, long=False), tokenizer) for _ in range(9)]
    return [encode(thread(rng, 3, long=True), tokenizer) for _ in range(8)]


def further_rows(step: int, tokenizer: PreTrainedTokenizerBase) -> list[Row]:
    """The rows of a step from packaged weights: forms of the recipe's last part, other texts."""
    rng = stream("pretraining", SEED, "more", step)
    form = rng.random()
    if form < LATER_COPYING / 2:
        return _copies(rng, tokenizer, bound=True)
    if form < 0.15:
        return [encode(single(rng), tokenizer) for _ in range(14)]
    return [encode(thread(rng, rng.choice((2, 3, 4)), long=True), tokenizer) for _ in range(8)]


def _copies(rng: random.Random, tokenizer: PreTrainedTokenizerBase, *, bound: bool) -> list[Row]:
    """Rows that teach copying; three steps in four bind keys to values if `bound`."""
    special = set(tokenizer.all_special_ids)
    vocabulary = [token for token in range(len(tokenizer)) if token not in special]
    form = binding if bound and rng.random() < 0.75 else copying
    return [form(rng, vocabulary, 96) for _ in range(40)]


def nll(model: Qwen2ForCausalLM, tokens: Tensor, mask: Tensor) -> Tensor:
    """NLL of each token under the mask (never a row's first token), as one flat tensor."""
    hidden = model.model(input_ids=tokens).last_hidden_state[:, :-1][mask[:, 1:]]
    return F.cross_entropy(model.lm_head(hidden), tokens[:, 1:][mask[:, 1:]], reduction="none")


@torch.no_grad()
def imitation(model: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerBase) -> dict[str, float]:
    """Mean NLL where preferences show, after short texts by the same author and by another."""
    probes = habit_probes(PROBES, SEED)
    means = {}
    for side, name in enumerate(("own", "other")):
        rows = [encode(probe[side], tokenizer) for probe in probes]
        tokens, _, shows = collate(rows, tokenizer.pad_token_id)
        means[name] = round(float(nll(model, tokens, shows).mean()), 3)
    return means


def rate(step: int, steps: int) -> float:
    """Learning rate as a share of its peak: linear warm-up, then cosine decay to a twentieth."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    return 0.05 + 0.475 * (1 + math.cos(math.pi * (step - WARM_UP) / (steps - WARM_UP)))


def pretrain(name: str, steps: int, work: Path, *, more: bool = False, bf16: bool = False) -> None:
    """Train a backbone with checkpoints in `work`, and save it.

    name: the backbone.
    steps: optimizer steps.
    work: folder of checkpoints.
    more: whether to start from the packaged weights instead of from scratch.
    bf16: whether to use bf16 autocast, which is faster on CPUs with instructions for it.

    Raises SystemExit if a checkpoint belongs to a run with other steps.
    """
    # 1. Model and optimizer; what an earlier run has done
    tokenizer, model = _start(name, work, more)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=DECAY)
    checkpoint = work / f"{name}{'-more' if more else ''}.pt"
    first, seconds, curve = _resume(checkpoint, steps, model, optimizer)
    recent: list[float] = []
    peak = MORE_PEAK if more else PEAK
    # 2. Steps
    for step in range(first, steps):
        start = time.perf_counter()
        chosen = further_rows(step, tokenizer) if more else rows_of(step, steps, tokenizer)
        tokens, learned, _ = collate(chosen, tokenizer.pad_token_id)
        for group in optimizer.param_groups:
            group["lr"] = peak * rate(step, steps)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = nll(model, tokens, learned).float().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        recent.append(float(loss.detach()))
        seconds += time.perf_counter() - start
        if (step + 1) % 50 == 0 or step + 1 == steps:
            point = {"step": step + 1, "loss": round(sum(recent) / len(recent), 3)}
            curve.append(point | imitation(model, tokenizer) | {"seconds": round(seconds)})
            print(json.dumps(curve[-1]), flush=True)
            recent = []
            state = {"step": step + 1, "steps": steps, "seconds": seconds, "curve": curve}
            weights = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state | weights, checkpoint)
    # 3. The folder and its card
    made = {"steps": steps, "seconds": round(seconds), "bf16": bf16, "curve": curve}
    _save(name, model, tokenizer, _after_packaged(name, made) if more else made)


def _start(name: str, work: Path, more: bool) -> tuple[PreTrainedTokenizerBase, Qwen2ForCausalLM]:
    """Tokenizer and model before the first step: packaged, or from scratch."""
    if not more:
        tokenizer = _tokenizer(work)
        return tokenizer, build(name, tokenizer)
    work.mkdir(parents=True, exist_ok=True)
    folder = backbone_path(name)
    model = Qwen2ForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return AutoTokenizer.from_pretrained(folder), model


def _resume(
    checkpoint: Path, steps: int, model: Qwen2ForCausalLM, optimizer: torch.optim.Optimizer
) -> tuple[int, float, list[dict[str, float]]]:
    """Load a checkpoint, if there is one: steps done, their seconds, their curve."""
    if not checkpoint.exists():
        return 0, 0.0, []
    state = torch.load(checkpoint, weights_only=True)
    if state["steps"] != steps:
        raise SystemExit(f"{checkpoint} belongs to a run with {state['steps']} steps, not {steps}")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["seconds"], state["curve"]


def _after_packaged(name: str, made: dict[str, Any]) -> dict[str, Any]:
    """The packaged card's steps, seconds and curve, followed by those of further steps."""
    card = json.loads((backbone_path(name) / "card.json").read_text())
    later = [
        point
        | {
            "step": card["steps"] + point["step"],
            "seconds": card["seconds"] + point["seconds"],
        }
        for point in made["curve"]
    ]
    return {
        "steps": card["steps"] + made["steps"],
        "more": [*card.get("more", ()), made["steps"]],
        "more_peak_learning_rate": MORE_PEAK,
        "seconds": card["seconds"] + made["seconds"],
        "bf16": made["bf16"],
        "curve": card["curve"] + later,
    }


def _tokenizer(work: Path) -> PreTrainedTokenizerBase:
    """Train the shared tokenizer; its texts, and so the result, are the same every time."""
    work.mkdir(parents=True, exist_ok=True)
    chats = (thread(stream("tokenizer", SEED, number), 1, long=True) for number in range(4000))
    return train_tokenizer(
        part for chat in chats for turn in chat for part in (turn.input, turn.text)
    )


def _save(
    name: str, model: Qwen2ForCausalLM, tokenizer: PreTrainedTokenizerBase, made: dict[str, Any]
) -> None:
    """Save the backbone as a folder for `load_model` and `tokenizer_of`, with its card.

    name: of the backbone.
    model, tokenizer: what to save.
    made: the card's steps, seconds and loss curve.
    """
    folder = backbone_path(name)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    to_save: Any = model
    to_save.to(torch.bfloat16).save_pretrained(folder)
    more = made.get("more", [])
    if not more:
        tokenizer.save_pretrained(folder)
    parts = [f"--steps {made['steps'] - sum(more)}", *(f"--more --steps {count}" for count in more)]
    card = {
        "name": name,
        "texts": f"harness.mini {VERSION}, authors drawn for pretraining alone",
        "command": "; ".join(f"python -m harness.pretraining {name} {part}" for part in parts),
        "seed": SEED,
        "parameters": sum(part.numel() for part in model.parameters()),
        "peak_learning_rate": PEAK,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
    }
    (folder / "card.json").write_text(json.dumps(card | made, indent=1) + "\n")
