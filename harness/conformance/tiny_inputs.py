"""The kit's inputs: a random backbone and synthetic data, each saved to a folder."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from harness.engine.train_tokenizer import train_tokenizer

LEXICON = (
    "the a quiet loud tea pot lamp chair blue green old new good poor bright plain works breaks"
    " lasts rattles shines and but because never always for my his kitchen garden desk"
)
USERS = {"train": 6, "val": 2, "test": 5}


def write_backbone(folder: Path) -> None:
    """Save a random Qwen2 (two layers, width 32, tied embeddings) and a byte-level tokenizer.

    Its weights are larger than usual, so that errors are visible in the log-probs.
    """
    tokenizer = train_tokenizer([LEXICON])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Qwen2ForCausalLM(
            Qwen2Config(
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=48,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=1024,
                initializer_range=0.2,
                tie_word_embeddings=True,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_data(folder: Path, garbage_references: bool = False) -> None:
    """Save train, val and test.jsonl: product reviews by synthetic users, one example per user.

    Profiles have zero to three reviews. With `garbage_references` only the test targets differ.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for split, users in USERS.items():
        garbage = garbage_references and split == "test"
        rows = [_row(f"{split}-{number}", number, garbage) for number in range(users)]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")


def _row(name: str, number: int, garbage: bool) -> dict[str, Any]:
    draw, words = random.Random(f"made-up {name}"), LEXICON.split()

    def text(length: int) -> str:
        return " ".join(draw.choice(words) for _ in range(length)) + "."

    return {
        "id": name,
        "reviewerId": f"user-{name}",
        "input": f"Write a review of a {text(2 + number)}",
        "profile": [
            {
                "overall": f"{draw.randint(1, 5)}.0",
                "description": text(3),
                "reviewText": text(6 + 2 * number),
                "summary": text(2),
            }
            for _ in range(number % 4)
        ],
        "output": f"garbage {number} zzz" if garbage else text(5 + 2 * number),
    }
