"""Optimizer steps of TRL's SFTTrainer, with other steps between them: paired rounds."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import nn
from transformers import PrinterCallback, TrainerCallback

from harness.engine.backbone_tokenizer import tokenizer_of
from harness.engine.clock import now
from harness.engine.micro_batches import TrainRow

TRL = "TRL's SFTTrainer"
FEWEST = 3
"""Rounds of a measurement, however long they take."""


class Between(TrainerCallback):
    """Times each step of the trainer, and after it the others' steps, until `seconds` are over.

    The first round warms up and is not kept.
    """

    def __init__(self, others: Mapping[str, Callable[[], float]], seconds: float) -> None:
        self.others, self.end, self.begun = others, now() + seconds, 0.0
        self.found: dict[str, list[float]] = {name: [] for name in (TRL, *others)}
        self.rounds = 0

    def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self.begun = now()

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        taken = {TRL: now() - self.begun, **{name: each() for name, each in self.others.items()}}
        self.rounds += 1
        if self.rounds > 1:
            for name, each in taken.items():
                self.found[name].append(each)
        control.should_training_stop = self.rounds > FEWEST and now() > self.end


def trl_version(folder: Path | None) -> str:
    """Version of TRL, from `folder` if it is not installed. Ends the script if there is none."""
    if folder is not None and str(folder) not in sys.path:
        sys.path.append(str(folder))
    try:
        import trl
    except ImportError:
        raise SystemExit(
            "TRL is not installed; expected it, or --trl FOLDER after `pip install --target FOLDER"
            " --no-deps trl==1.16`. Or leave it out: --parts step,prefill,growth"
        ) from None
    return str(trl.__version__)


def paired_steps(
    model: nn.Module,
    rows: Sequence[TrainRow],
    others: Mapping[str, Callable[[], float]],
    *,
    together: int,
    bfloat16: bool,
    seconds: float,
) -> dict[str, list[float]]:
    """Seconds of TRL's step on `rows`, and of the other steps, in each round.

    Args:
        model: what TRL trains, at learning rate 0.
        rows: of one step; the loss is that of the responses alone.
        others: name → one step, which gives its seconds.
        together: rows in a micro-batch.
        bfloat16: autocast.
        seconds: until the last round begins.
    """
    from trl import SFTConfig, SFTTrainer

    between = Between(others, seconds)
    data = Dataset.from_list([
        {"input_ids": [*row.prompt, *row.response],
         "labels": [-100] * len(row.prompt) + list(row.response)}
        for row in rows
    ])  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        chosen = SFTConfig(
            output_dir=folder, per_device_train_batch_size=together,
            gradient_accumulation_steps=len(rows) // together, max_steps=1_000, learning_rate=0.0,
            optim="adamw_torch_fused", bf16=bfloat16, use_cpu=not torch.cuda.is_available(),
            gradient_checkpointing=False, max_length=None, report_to="none", save_strategy="no",
            logging_strategy="no", disable_tqdm=True, dataloader_pin_memory=False,
            dataset_kwargs={"skip_prepare_dataset": True},
        )  # fmt: skip
        trainer = SFTTrainer(
            model=model, args=chosen, train_dataset=data, processing_class=tokenizer_of("mini"),
            callbacks=[between],
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return between.found
