"""Shared fixtures: a tiny backbone with its own tokenizer, a small folder of made-up reviews."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from tests.support.browser import browser, chromium  # noqa: F401  (fixtures for every room with pages)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny models lose more to threads than they gain."""
    torch.set_num_threads(1)


WORDS = [
    "good",
    "bad",
    "fine",
    "solid",
    "cheap",
    "bright",
    "quiet",
    "sturdy",
    "handy",
    "plain",
    "warm",
    "light",
    "quick",
    "soft",
]
THINGS = ["lamp", "kettle", "chair", "radio", "clock", "bag", "knife", "brush"]


def made_up_rows(split: str, users: int, per_user: int = 1) -> list[dict[str, object]]:
    """LongLaMP rows of made-up reviews; every user has a favourite word."""
    rows: list[dict[str, object]] = []
    for user in range(users):
        favourite = WORDS[(user + len(split)) % len(WORDS)]
        for at in range(per_user):
            thing = THINGS[(user + at) % len(THINGS)]
            rows.append(
                {
                    "reviewerId": f"{split}-user-{user}",
                    "input": "Generate the review text written by a reviewer who has a given an"
                    f' overall rating of "5.0" for a product with description "{thing} {at}". The'
                    f' summary of the review text is "{favourite} {thing}".',
                    "output": f"This {thing} is {favourite} and {favourite} again. I {at} would say"
                    f" it is {favourite}, truly {favourite}, for {split} number {user}.",
                    "profile": [
                        {
                            "overall": 5.0,
                            "description": f"{other} one",
                            "summary": f"{favourite}!",
                            "reviewText": f"My {other} is {favourite}, so {favourite}. No. {user}.",
                        }
                        for other in THINGS[at : at + 3]
                    ],
                }
            )
    return rows


def write_rows(folder: Path, splits: dict[str, list[dict[str, object]]]) -> Path:
    """One task's folder of JSON Lines."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of folders, as --data takes it: product_review/{train,val,test}.jsonl."""
    root = tmp_path_factory.mktemp("data")
    write_rows(
        root / "product_review",
        {
            "train": made_up_rows("train", 6),
            "val": made_up_rows("val", 2),
            "test": made_up_rows("test", 4, per_user=2),
        },
    )
    return root


TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def save_backbone(folder: Path, seed: int = 0, width: int = 32, words: int = 300) -> Path:
    """A random Qwen2 with a BPE tokenizer of its own, as save_pretrained leaves them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    bpe.train_from_iterator(
        [json.dumps(row) for row in made_up_rows("train", 10)],
        trainers.BpeTrainer(
            vocab_size=words,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            initializer_range=0.1,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_backbone(tmp_path_factory.mktemp("backbone"))


def with_context(backbone: Path, folder: Path, positions: int) -> Path:
    """The backbone with so many `max_position_embeddings`."""
    shutil.copytree(backbone, folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "max_position_embeddings": positions}))
    return folder
