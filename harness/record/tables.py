"""Records as rows of plain values: one for a run, one for an example."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from harness.record.estimates import HasInterval, Json
from harness.record.examples import ExampleValues
from harness.record.schema import Record
from harness.types import Prediction

Value = str | int | float | bool | None
Row = dict[str, Value]


def run_row(folder: Path, record: Record) -> Row:
    """A run as one row: what it is, every metric with its interval, and its costs.

    A metric NAME has the columns NAME, NAME_low and NAME_high; an own option of the method is
    method.NAME.
    """
    training, inference, n = record.training, record.inference, record.n
    row: Row = {
        "run": str(folder),
        "kind": record.kind,
        "method": record.method,
        "task": record.task,
        "seed": record.seed,
        "status": record.status,
        "started": record.started,
        "preset": _plain(record.settings.get("preset")),
        "data": record.data.source,
        "setting": record.data.setting,
        "backbone": record.backbone.name,
        "parameters": record.backbone.method_parameters,
        "examples": n.planned,
        "failed": n.failed,
        "empty": n.empty,
    }
    options = record.settings.get("method")
    if isinstance(options, Mapping):
        row |= {f"method.{key}": _plain(value) for key, value in options.items()}
    for name, score in record.metrics.items():
        row |= _ends(name, score)
    if record.likelihood is not None:
        row |= _ends("nll", record.likelihood)
    return row | {
        "training_s": training and training.seconds_total,
        "training_flops": training and training.flops_total,
        "steps": training and training.steps,
        "lr": training and training.lr,
        "val_loss": training and training.val_loss,
        "seconds_per_example": inference and inference.seconds_per_example,
        "time_to_first_token_s": inference and inference.time_to_first_token_s,
        "tokens_per_s": inference and inference.tokens_per_s,
        "visible_tokens": inference and inference.visible_tokens,
        "hidden_tokens": inference and inference.hidden_tokens,
        "peak_memory_mib": record.peak_memory_mib,
        "wall_s": record.wall_s,
        "device": record.device.device,
        "dtype": record.device.dtype,
    }


def example_rows(folder: Path, record: Record, texts: Iterable[Prediction]) -> Iterator[Row]:
    """A run's examples, one row each: the first sample's text, and the mean scores of all samples.

    folder: of the run. texts: its predictions. An example without values yet has its text alone.
    """
    samples: dict[str, list[Prediction]] = {}
    for text in texts:
        samples.setdefault(text.id, []).append(text)
    for key in dict.fromkeys([*record.examples, *samples]):
        found = sorted(samples.get(key, ()), key=lambda text: text.sample)
        yield {
            "run": str(folder),
            "method": record.method,
            "task": record.task,
            "seed": record.seed,
            "id": key,
            **_text(found),
            **_values(record.examples.get(key, ExampleValues())),
        }


def _text(samples: Sequence[Prediction]) -> Row:
    """The first sample of an example; empty columns without one, and where nobody counted."""
    text = samples[0] if samples else None
    made = text if text and text.generated else None
    return {
        "user_id": text.user_id if text else None,
        "output": text.output if text else None,
        "samples": len(samples),
        "tokens": made.tokens if made else None,
        "hidden_tokens": made.hidden_tokens if made else None,
        "capped": made.capped if made else None,
        "error": text.error if text else None,
    }


def _values(values: ExampleValues) -> Row:
    """The example's scores, mean NLL and text quality."""
    return {"user": values.user, **values.numbers, **values.quality}


def _ends(name: str, score: HasInterval) -> Row:
    return {name: score.value, f"{name}_low": score.low, f"{name}_high": score.high}


def _plain(value: Json) -> Value:
    return value if isinstance(value, str | int | float | bool | None) else str(value)
