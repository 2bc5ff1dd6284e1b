"""A folder with every outside input of a run, and the run that reads them."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.pipeline.plan import Plan
from harness.pipeline.single import run
from harness.progress import Bars
from harness.record import Outcome
from harness.registry import load_plugin
from harness.settings import RunSettings, build_settings

PLUGIN = """
import stale_helper
from baselines.sft import Sft


class Own(Sft):
    name = "own"

    def prompt(self, example):
        assert stale_helper.VALUE
        return super().prompt(example)
"""


@dataclass(frozen=True)
class World:
    """What lies in `root`, and a pristine copy of it in `saved`."""

    root: Path
    saved: Path

    @property
    def results(self) -> Path:
        return self.root / "results"

    def settings(self, *assignments: str) -> RunSettings:
        root = self.root
        return build_settings(
            "mini",
            [
                f"data.source={root / 'data'}",
                "data.limit=2",
                f"model.backbone={root / 'backbone'}",
                f"model.reasoner={root / 'reasoner'}",
                "retrieval.ranking=dense",
                f"retrieval.dense_model={root / 'dense_model'}",
                "train.lr=1e-3",
                "train.epochs=1",
                "budget.profile=80",
                "decode.max_new_tokens=3",
                "eval.likelihood=false",
                "eval.authors=false",
                "eval.resamples=100",
                "eval.floors=false",
                f'eval.metrics=["rouge1","evaluate:{root / "share"}"]',
                *assignments,
            ],
        )

    def method(self) -> Any:
        sys.modules.pop("stale_helper", None)
        return load_plugin(self.root / "own.py")

    def plan(self, *assignments: str) -> Plan:
        return Plan(self.settings(*assignments), "own", self.results, self.method())

    def run(self, *assignments: str, **options: Any) -> Outcome:
        chosen = self.settings(*assignments)
        return run(
            chosen, "own", self.results, factory=self.method(), bars=Bars(quiet=True), **options
        )

    def restore(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self.saved, self.root)


def save_encoder(folder: Path, seed: int = 0) -> Path:
    """A random encoder with the tokenizer of the backbone beside it."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(folder.parent / "backbone")
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=64, pad_token_id=0,
    )  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
