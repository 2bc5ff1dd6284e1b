"""The kit's inputs: a random backbone and synthetic data, each saved to a folder."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

LEXICON = (
    "the a quiet loud tea pot lamp chair blue green old new good poor bright plain works breaks"
    " lasts rattles shines and but because never always for my his kitchen garden desk"
)
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
USERS = {"train": 6, "val": 2, "test": 5}


def write_backbone(folder: Path, seed: int = 0) -> None:
    """Save a random Qwen2 (two layers, width 32, tied embeddings) and a byte-level tokenizer.

    Its weights are larger than usual, so that errors are visible in the log-probs.
    """
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    tokenizer = _tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
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


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend: Any = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.train_from_iterator(
        [LEXICON],
        trainers.BpeTrainer(
            vocab_size=320,
            special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=CHAT_TEMPLATE,
    )


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
