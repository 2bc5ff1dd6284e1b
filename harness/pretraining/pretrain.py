"""Pretrain a backbone: training steps, learning rate, checkpoints, and the saved folder."""

import hashlib
import json
import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import GenerationConfig, PreTrainedTokenizerBase, Qwen2ForCausalLM

from harness.mini import VERSION, backbone_path
from harness.mini.seeding import stream
from harness.pretraining.chat_rows import Row, collate, encode
from harness.pretraining.copying import binding, copying
from harness.pretraining.corpus import habit_probes, single, thread
from harness.pretraining.shape import SEED, build
from harness.pretraining.train_tokenizer import train_tokenizer

PEAK, WARM_UP, DECAY = 2e-3, 60, 0.05
COPYING, BINDING, LATER_COPYING = 250, 500, 0.08
"""Steps with copying alone; the step at which binding ends; the share of both after it."""
FIRST_SHARE = 0.7
"""Share of the steps after which threads end with a long document."""
PROBES = 12


def rows_of(step: int, steps: int, tokenizer: PreTrainedTokenizerBase) -> list[Row]:
    """The rows of one optimizer step: 4,000 to 7,000 tokens, all of one form."""
    rng = stream("pretraining", SEED, step)
    if step < BINDING or rng.random() < LATER_COPYING:
        special = set(tokenizer.all_special_ids)
        vocabulary = [token for token in range(len(tokenizer)) if token not in special]
        form = binding if step >= COPYING and rng.random() < 0.75 else copying
        return [form(rng, vocabulary, 96) for _ in range(40)]
    if rng.random() < 0.3:
        return [encode(single(rng), tokenizer) for _ in range(14)]
    if step < FIRST_SHARE * steps:
        return [encode(thread(rng, 5, long=False), tokenizer) for _ in range(9)]
    return [encode(thread(rng, 3, long=True), tokenizer) for _ in range(8)]


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


def pretrain(name: str, steps: int, work: Path) -> None:
    """Train `name` for `steps` steps, with checkpoints in `work`, and save it."""
    tokenizer = _tokenizer(work)
    model = build(name, tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=DECAY)
    checkpoint = work / f"{name}.pt"
    first, seconds, curve = 0, 0.0, []
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        if state["steps"] != steps:
            raise SystemExit(
                f"{checkpoint} belongs to a run with {state['steps']} steps, not {steps}"
            )
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first, seconds, curve = state["step"], state["seconds"], state["curve"]
    recent: list[float] = []
    for step in range(first, steps):
        start = time.perf_counter()
        tokens, learned, _ = collate(rows_of(step, steps, tokenizer), tokenizer.pad_token_id)
        for group in optimizer.param_groups:
            group["lr"] = PEAK * rate(step, steps)
        loss = nll(model, tokens, learned).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        recent.append(float(loss.detach()))
        seconds += time.perf_counter() - start
        if (step + 1) % 100 == 0 or step + 1 == steps:
            point = {"step": step + 1, "loss": round(sum(recent) / len(recent), 3)}
            curve.append(point | imitation(model, tokenizer) | {"seconds": round(seconds)})
            print(json.dumps(curve[-1]), flush=True)
            recent = []
            torch.save(
                {
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "step": step + 1,
                    "steps": steps,
                    "seconds": seconds,
                    "curve": curve,
                },
                checkpoint,
            )
    _save(name, model, tokenizer, {"steps": steps, "seconds": round(seconds), "curve": curve})


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
    tokenizer.save_pretrained(folder)
    card = {
        "name": name,
        "texts": f"harness.mini {VERSION}, authors drawn for pretraining alone",
        "command": f"python -m harness.pretraining {name} --steps {made['steps']}",
        "seed": SEED,
        "parameters": sum(part.numel() for part in model.parameters()),
        "peak_learning_rate": PEAK,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
    }
    (folder / "card.json").write_text(json.dumps(card | made, indent=1) + "\n")
