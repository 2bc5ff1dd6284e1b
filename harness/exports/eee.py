"""Every Eval Ever 0.3.0: aggregate and instance files in the layout of its datastore."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from harness import __version__
from harness.errors import UsageError
from harness.exports import INTERVAL, PROJECT, Headline, Source, headlines
from harness.metrics.base import OF_A_HUNDRED
from harness.record import Record
from harness.settings.flat import flat
from harness.statistics.panel import BOOTSTRAP_USERS
from harness.types import Prediction

VERSION = "0.3.0"


def write(runs: Sequence[Source], out: Path) -> list[Path]:
    """data/COLLECTION/DEVELOPER/MODEL/UUID.json for each run, with its UUID_samples.jsonl.

    The instance file has a line for each metric and example. Without texts there is none.
    """
    if out.is_file() or out.suffix:
        raise UsageError(f"--out {out}: expected a folder")
    files: list[Path] = []
    for run in runs:
        aggregate = aggregate_of(run.record, str(int(time.time())))
        place = folder_of(run.record)
        name = str(uuid_of(run.record))
        if run.texts:
            path = f"{place}/{name}_samples.jsonl"
            lines = [json.dumps(row, ensure_ascii=False) for row in instances(run, aggregate)]
            content = "".join(f"{line}\n" for line in lines).encode()
            files.append(_written(out / path, content))
            aggregate["detailed_evaluation_results"] = {
                "format": "jsonl",
                "file_path": path,
                "hash_algorithm": "sha256",
                "checksum": hashlib.sha256(content).hexdigest(),
                "total_rows": len(lines),
            }
        text = json.dumps(aggregate, indent=2, ensure_ascii=False, allow_nan=False)
        files.append(_written(out / place / f"{name}.json", f"{text}\n".encode()))
    return files


def aggregate_of(record: Record, now: str) -> dict[str, Any]:
    """The aggregate file of a run. now: seconds since 1970."""
    model = model_id(record).replace("/", "_")
    started = datetime.fromisoformat(record.started)
    return {
        "schema_version": VERSION,
        "evaluation_id": f"{collection(record)}/{model}/{uuid_of(record)}/{now}",
        "evaluation_timestamp": str(int(started.timestamp())),
        "retrieved_timestamp": now,
        "source_metadata": {
            "source_name": PROJECT,
            "source_type": "evaluation_run",
            "source_organization_name": "unknown",
            "evaluator_relationship": "other",
        },
        "eval_library": {
            "name": PROJECT,
            "version": record.code.version,
            "additional_details": _strings(
                {"commit": record.code.commit, "exported_by": __version__}
            ),
        },
        "model_info": _model(record),
        "evaluation_results": [_result(record, each) for each in headlines(record)],
    }


def instances(run: Source, aggregate: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A line for each example and metric with a value: input, reference, texts, score."""
    record, texts = run.record, dict[str, list[Prediction]]()
    for text in run.predictions:
        texts.setdefault(text.id, []).append(text)
    for each in headlines(record):
        for key, values in record.examples.items():
            score, samples = values.numbers.get(each.name), texts.get(key, [])
            if score is None or not samples:
                continue
            example, reference = run.examples[key]
            raw = {"raw": example.input, "reference": [reference]}
            packed = json.dumps(raw, sort_keys=True, separators=(",", ":"))
            yield {
                "schema_version": VERSION,
                "evaluation_id": aggregate["evaluation_id"],
                "model_id": aggregate["model_info"]["id"],
                "evaluation_name": record.task,
                "evaluation_result_id": _result_id(record, each),
                "sample_id": key,
                "sample_hash": hashlib.sha256(packed.encode()).hexdigest(),
                "interaction_type": "single_turn",
                "input": raw,
                "output": {"raw": [text.output for text in samples]},
                "answer_attribution": [_attribution(text) for text in samples],
                "evaluation": {"score": score, "is_correct": False},
                "error": next((text.error for text in samples if text.error), None),
                "metadata": {"score": "continuous; is_correct has no meaning"},
            }


def collection(record: Record) -> str:
    """The name of the datastore's collection: the project and the data."""
    data = record.data
    return f"{PROJECT}-{data.kind if data.kind in ('mini', 'hub') else 'own-data'}"


def model_id(record: Record) -> str:
    """`developer/model`: a method on a backbone is a model of its own."""
    backbone = (record.backbone.name or "no-backbone").strip("/").replace("/", "--")
    return f"{PROJECT}/{record.method}-{backbone}"


def folder_of(record: Record) -> str:
    """Where a run's files stand below the folder of the export."""
    return f"data/{collection(record)}/{model_id(record)}"


def uuid_of(record: Record) -> UUID:
    """A version-4 UUID that is the same whenever the same run is exported."""
    text = json.dumps([record.run_id, record.method, record.task, record.started])
    return UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4)


def _model(record: Record) -> dict[str, Any]:
    backbone = record.backbone
    known = not record.no_method and backbone.name is not None
    engine = {"inference_engine": {"name": PROJECT, "version": record.code.version}}
    return {
        "name": f"{record.method} on {backbone.name}" if backbone.name else record.method,
        "id": model_id(record),
        **({} if record.no_method else engine),
        "additional_details": {
            "deployment_type": "self_deployed" if known else "unknown",
            "model_availability": "unknown",
            **_strings({
                "method": record.method, "kind": record.kind, "backbone": backbone.name,
                "backbone_revision": backbone.revision, "parameters": backbone.method_parameters,
                "weights": backbone.weights, "training_seed": record.seed,
            }),
        },
    }  # fmt: skip


def _result(record: Record, each: Headline) -> dict[str, Any]:
    hundred = each.unit in OF_A_HUNDRED
    return {
        "evaluation_result_id": _result_id(record, each),
        "evaluation_name": record.task,
        "source_data": _source(record),
        "metric_config": {
            "evaluation_description": f"{each.title}; signature {each.signature}",
            "metric_id": each.name,
            "metric_name": each.title,
            "metric_unit": each.unit,
            "lower_is_better": each.lower,
            "score_type": "continuous",
            "min_score": 0.0 if hundred or each.name == "nll" else "-Infinity",
            "max_score": 100.0 if hundred else "Infinity",
        },
        "score_details": {"score": each.value, **_uncertainty(record, each)},
        "generation_config": _generation(record),
    }


def _uncertainty(record: Record, each: Headline) -> dict[str, Any]:
    if each.low is None or each.high is None:
        return {}
    resamples = record.setting("eval.resamples")
    drawn = isinstance(resamples, int) and each.users >= BOOTSTRAP_USERS
    return {
        "uncertainty": {
            "confidence_interval": {
                "lower": each.low, "upper": each.high, "confidence_level": 0.95,
                "method": INTERVAL,
            },
            "num_samples": each.examples,
            **({"num_bootstrap_samples": resamples} if drawn else {}),
        }
    }  # fmt: skip


def _source(record: Record) -> dict[str, Any]:
    data, name = record.data, f"{record.task}_{record.data.setting}"
    details = {"fingerprint": data.test.fingerprint, "revision": data.revision, "split": "test"}
    source: dict[str, Any] = {"dataset_name": name, "additional_details": _strings(details)}
    if data.repository is None:
        return {**source, "source_type": "other"}
    return {
        **source,
        "source_type": "hf_dataset",
        "hf_repo": data.repository,
        "hf_split": "test",
        "samples_number": data.test.examples,
        "sample_ids": list(record.examples),
    }


def _generation(record: Record) -> dict[str, Any]:
    decode = record.settings.get("decode")
    chosen = decode if isinstance(decode, dict) else {}
    arguments = {
        "temperature": chosen.get("temperature"), "top_p": chosen.get("top_p"),
        "top_k": chosen.get("top_k"), "max_tokens": chosen.get("max_new_tokens"),
        "execution_command": record.command,
    }  # fmt: skip
    known = {key: value for key, value in arguments.items() if value is not None}
    return {
        "generation_args": known,
        "additional_details": _strings(dict(flat(record.settings))),
    }


def _attribution(text: Prediction) -> dict[str, Any]:
    return {
        "turn_idx": 0,
        "source": "output.raw",
        "extracted_value": text.output,
        "extraction_method": "the whole text",
        "is_terminal": True,
    }


def _result_id(record: Record, each: Headline) -> str:
    """The same whenever the same run is exported."""
    return f"{uuid_of(record)}#{each.name}"


def _strings(values: dict[str, Any]) -> dict[str, str]:
    """Values as text, without those that are unknown."""
    return {key: str(value) for key, value in values.items() if value is not None}


def _written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
