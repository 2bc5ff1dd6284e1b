"""Logs of inspect_ai, one .eval a run, for `inspect view`; a folder, or FILE.eval for one run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from harness import __version__
from harness.errors import UsageError
from harness.exports import INTERVAL, PROJECT, Headline, Source, headlines, one_file
from harness.record import Record
from harness.types import Prediction

VERSION = 2
"""Version of the log format, as in inspect_ai.log.EvalLog."""
LEFT_OUT = "(left out: --no-texts)"
ONE_SAMPLE = ("id", "epoch", "input", "target", "metadata", "scores", "model_usage", "error")
"""What the summary of a sample repeats of it."""


def write(runs: Sequence[Source], out: Path) -> list[Path]:
    """One log for each run: header, a file a sample, their summaries, and the journal's start."""
    single = one_file(out, ".eval")
    if single and len(runs) > 1:
        raise UsageError(
            f"--out {out}: {len(runs)} runs need a folder; expected one run for a file"
        )
    files = []
    for run in runs:
        record = run.record
        # runs of other folders have the same run_id where their settings and data are the same
        name = f"{record.task}_{record.method}_{record.run_id}_{_digest(record, 'file')[:8]}.eval"
        files.append(out if single else out / name)
        _write_log(run, files[-1])
    return files


def _write_log(run: Source, path: Path) -> None:
    header = header_of(run)
    begun = {key: header[key] for key in ("version", "eval", "plan")}
    samples = list(samples_of(run))
    with ZipFile(path, "w", ZIP_DEFLATED) as log:
        log.writestr("_journal/start.json", _json(begun))
        for sample in samples:
            log.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", _json(sample))
        summaries = [
            {key: sample[key] for key in ONE_SAMPLE if key in sample} | {"completed": True}
            for sample in samples
        ]
        log.writestr("_journal/summaries/1.json", _json(summaries))
        log.writestr("summaries.json", _json(summaries))
        log.writestr("header.json", _json(header))


def header_of(run: Source) -> dict[str, Any]:
    """The log without its samples: what was run, with which settings, and the scores."""
    record = run.record
    n = record.n
    return {
        "version": VERSION,
        "status": "success",
        "eval": _spec(record),
        "plan": {
            "name": record.method,
            "steps": [{"solver": record.method, "params": _method_options(record)}],
            "config": _config(record),
        },
        "results": {
            "total_samples": n.planned * record.samples,  # examples × epochs
            "completed_samples": n.scored * record.samples,
            "scores": [_score(each) for each in headlines(record)],
        },
        "stats": {"started_at": record.started, "completed_at": _ended(record)},
    }


def samples_of(run: Source) -> Iterator[dict[str, Any]]:
    """A sample for each text; a second text of an example is its second epoch."""
    record = run.record
    for text in sorted(run.predictions, key=lambda each: (each.id, each.sample)):
        values = record.examples.get(text.id)
        asked, target = LEFT_OUT, LEFT_OUT
        if run.texts:
            example, target = run.examples[text.id]
            asked = example.input
        output = text.output if run.texts else LEFT_OUT
        numbers = values.numbers if values else {}
        yield {
            "id": text.id,
            "epoch": text.sample + 1,
            "input": asked,
            "target": target,
            "messages": [
                {"role": "user", "content": asked, "source": "input"},
                {"role": "assistant", "content": output, "source": "generate"},
            ],
            "output": _output(record, text, output),
            "scores": {
                name: {"value": value} for name, value in numbers.items() if value is not None
            },
            "metadata": {
                "user": values.user if values else None,
                "hidden_tokens": text.hidden_tokens if text.generated else None,
                "generation_error": text.error,
            },
        }


def _output(record: Record, text: Prediction, shown: str) -> dict[str, Any]:
    made = text.generated
    reason = ("max_tokens" if text.capped else "stop") if made else "unknown"
    usage = {"usage": {"output_tokens": text.tokens, "total_tokens": text.tokens}} if made else {}
    message = {"role": "assistant", "content": shown, "source": "generate"}
    return {
        "model": record.backbone.name or record.method,
        "choices": [{"message": message, "stop_reason": reason}],
        "completion": shown,
        **usage,
    }


def _spec(record: Record) -> dict[str, Any]:
    data = record.data
    name = f"{record.task} · {record.method}"
    return {
        "eval_id": _digest(record, "eval"),
        "run_id": _digest(record, "run"),
        "created": record.started,
        "task": name,
        "task_id": _digest(record, "task"),
        "task_display_name": name,
        "dataset": {
            "name": f"{record.task} ({data.setting})",
            "location": data.repository or data.source,
            "samples": record.n.planned,
            "sample_ids": list(record.examples),
            "shuffled": False,
        },
        "model": record.backbone.name or record.method,
        "model_generate_config": _config(record),
        "model_args": {"method": record.method, **_method_options(record)},
        "config": {"epochs": record.samples},
        "packages": dict(record.packages),
        "metadata": {
            "made_by": f"{PROJECT} {__version__}", "run": record.run_id, "kind": record.kind,
            "seed": record.seed, "command": record.command, "settings": dict(record.settings),
        },
    }  # fmt: skip


def _config(record: Record) -> dict[str, Any]:
    """inspect_ai's names for the settings of decoding."""
    names = {"temperature": "decode.temperature", "top_p": "decode.top_p", "top_k": "decode.top_k",
             "max_tokens": "decode.max_new_tokens", "seed": "seed"}  # fmt: skip
    found = {name: record.setting(key) for name, key in names.items()}
    return {name: value for name, value in found.items() if value is not None}


def _method_options(record: Record) -> dict[str, Any]:
    options = record.settings.get("method")
    return dict(options) if isinstance(options, dict) else {}


def _score(each: Headline) -> dict[str, Any]:
    """A metric as a scorer: its value over all examples that have one, and its interval's ends."""
    ends = {each.name: each.value, "low": each.low, "high": each.high}
    known = {name: value for name, value in ends.items() if value is not None}
    return {
        "name": each.name,
        "scorer": each.name,
        "scored_samples": each.examples,
        "params": {},
        "metrics": {name: {"name": name, "value": value} for name, value in known.items()},
        "metadata": {"title": each.title, "unit": each.unit, "signature": each.signature,
                     **({} if each.low is None else {"interval": f"95 %, {INTERVAL}"})},
    }  # fmt: skip


def _ended(record: Record) -> str:
    """When the run ended: its start and the time that it took; "" if that is not known."""
    if record.wall_s is None:
        return ""
    ended = datetime.fromisoformat(record.started) + timedelta(seconds=record.wall_s)
    return ended.isoformat(timespec="seconds")


def _digest(record: Record, what: str) -> str:
    """22 characters that name a run, as inspect_ai's ids do."""
    text = json.dumps([what, record.run_id, record.method, record.task, record.started])
    return hashlib.sha256(text.encode()).hexdigest()[:22]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
