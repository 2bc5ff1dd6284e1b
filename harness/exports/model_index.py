"""The block `model-index` of a model card on the Hugging Face hub, in FILE.md or FILE.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.exports import Source, headlines
from harness.record import Record

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

SUFFIXES = (".md", ".yaml", ".yml")


def write(runs: Sequence[Source], out: Path) -> list[Path]:
    """One entry for each run, with every metric. A .md file is a card's front matter."""
    from huggingface_hub.repocard_data import eval_results_to_model_index
    from huggingface_hub.utils import yaml_dump  # type: ignore[attr-defined]

    if out.suffix not in SUFFIXES or out.is_dir():
        raise UsageError(f"--out {out}: expected a file *{' or *'.join(SUFFIXES)}")
    index = [
        entry
        for run in runs
        for entry in eval_results_to_model_index(name_of(run.record), results_of(run.record))
    ]
    text = yaml_dump({"model-index": index}, sort_keys=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(f"---\n{text}---\n" if out.suffix == ".md" else text, encoding="utf-8")
    return [out]


def name_of(record: Record) -> str:
    """The model's name in the card: method, backbone and seed."""
    return "-".join(
        str(part).replace("/", "-")
        for part in (record.method, record.backbone.name, f"s{record.seed}")
        if part is not None
    )


def results_of(record: Record) -> list[EvalResult]:
    """A result for each metric that has a value, and for the NLL."""
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type="text-generation",
            task_name=record.task,
            dataset_type=record.data.repository or record.data.kind,
            dataset_name=f"{record.task} ({record.data.source})",
            dataset_config=f"{record.task}_{record.data.setting}",
            dataset_split="test",
            dataset_revision=record.data.revision,
            metric_type=each.name,
            metric_name=each.title,
            metric_value=each.value,
            metric_args={"low": each.low, "high": each.high, "signature": each.signature},
        )
        for each in headlines(record)
    ]
