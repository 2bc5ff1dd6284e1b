"""Boards with made-up rows: the form of real submissions, scores drawn from a seed, no model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from harness import __version__
from harness.leaderboard.verification import Verification, files_digest, write_verification
from harness.record import write_json

METRICS = {
    "following": "following|calls:0-100|mean:examples",
    "bleu": "bleu|made up",
    "rouge1": "rouge1|made up",
    "rougeL": "rougeL|made up",
    "meteor": "meteor|made up",
}
STARTS = (0, 100, 200, 300)
DECODING = ("max_new_tokens", "temperature", "top_p", "samples")
METHODS = ("nonpers", "rag", "sft", "cot", "coconut", "flythinker")


def rules(
    task: str = "product_review", setting: str = "user", tier: str = "mini", users: int = 40
) -> dict[str, Any]:
    """The `test` of a board with one example a user."""
    return {
        "task": task,
        "setting": setting,
        "tier": tier,
        "fingerprint": "ab" * 32,
        "examples": users,
        "users": users,
        "max_new_tokens": 448,
        "temperature": 0.0,
        "top_p": 1.0,
        "samples": 1,
    }


def make_board(
    root: Path, test: dict[str, Any], *, texts: bool = True, data: str = "folder"
) -> Path:
    folder = root / test["task"] / test["setting"] / test["tier"]
    board = {"schema_version": 1, "test": test, "texts": texts, "data": data, "metrics": METRICS}
    write_json(folder / "board.json", board)
    return folder


def submission(test: dict[str, Any], number: int, seed: int = 0, **changes: Any) -> dict[str, Any]:
    """A row as plain JSON: method, quality and noise follow from `number`."""
    draw = np.random.default_rng([seed, number])
    count = test["examples"]
    level = 20 + 40 * draw.random()
    users = np.random.default_rng(seed).normal(0, 8, count)
    scores = {
        name: np.clip(level + users + draw.normal(0, 5, count), 0, 100).round(4).tolist()
        for name in METRICS
    }
    method = METHODS[number % len(METHODS)]
    bleu = level / 2
    without = [round(bleu + float(v), 4) for v in (users + draw.normal(0, 5, count)) / count]
    ends = {name: _ends(np.array(column)) for name, column in scores.items()}
    ends["bleu"] = {"value": bleu, "low": bleu - 1.1, "high": bleu + 1.2}
    fields = {
        "schema_version": 1,
        "id": f"{method}-s{number}",
        "name": f"{method} {number}",
        "by": f"Group {number % 17}",
        "link": "https://example.org/code",
        "note": "Made up.",
        "method": method,
        "test": test,
        "backbone": {"name": "mini", "parameters": 1_017_728, "method_parameters": 2_035_456},
        "run": {
            "run_id": f"s{number}-0123456789ab",
            "seed": number,
            "command": f"harness run --method {method}",
            "started": "2026-01-01T00:00:00+00:00",
            "harness": __version__,
            "commit": "0" * 40,
            "clean": True,
            "packages": {"torch": "2.13.0"},
            "settings": {
                "preset": test["tier"],
                "task": test["task"],
                "seed": number,
                "data.source": "mini",
                "data.setting": test["setting"],
                "data.limit": None,
                "data.mini_seed": 0,
                "model.backbone": "mini",
                "train.lr": 0.001,
                **{f"decode.{name}": test[name] for name in DECODING},
            },
        },
        "n": {
            "planned": count,
            "failed": 0,
            "empty": 0,
            "capped": 3,
            "input_cut": 1,
            "target_cut": 0,
        },
        "metrics": {name: {**ends[name], "signature": METRICS[name]} for name in METRICS},
        "slices": {
            name: [
                {"start": start, "examples": count, "value": level - at}
                for at, start in enumerate(STARTS)
            ]
            for name in METRICS
        },
        "likelihood": {
            "value": 3 - level / 50,
            "low": 2.9 - level / 50,
            "high": 3.1 - level / 50,
            "signature": "nll",
        },
        "likelihood_slices": [
            {
                "start": start,
                "value": 2 - level / 50,
                "low": 1.9 - level / 50,
                "high": 2.1 - level / 50,
            }
            for start in STARTS
        ],
        "costs": {
            "device": "cpu",
            "dtype": "float32",
            "threads": 2,
            "training_s": 60.0 + number,
            "tokens_per_s": 900.0,
        },
        "examples": {
            "ids": [f"{test['task']}-{at:012x}" for at in range(count)],
            "users": list(range(count)),
            "scores": scores,
            "without": {"bleu": without},
        },
    }
    return {**fields, **changes}


def _ends(column: np.ndarray) -> dict[str, float]:
    mean, error = float(column.mean()), float(column.std() / len(column) ** 0.5)
    return {"value": mean, "low": mean - 2 * error, "high": mean + 2 * error}


def texts_for(row: dict[str, Any], words: int = 60) -> list[dict[str, Any]]:
    return [
        {"id": key, "sample": 0, "output": f"{row['name']} on {key}. " + "Fine words. " * words}
        for key in row["examples"]["ids"]
    ]


def add_row(
    board: Path,
    row: dict[str, Any],
    texts: list[dict[str, Any]] | None = None,
    status: str | None = None,
    **verification: Any,
) -> Path:
    """A row's folder; made-up `texts` by default; `status` adds a verification."""
    folder = board / row["id"]
    folder.mkdir()
    (folder / "submission.json").write_text(json.dumps(row), encoding="utf-8")
    if texts is None:
        texts = texts_for(row)
    if texts:
        lines = "".join(json.dumps(text, ensure_ascii=False) + "\n" for text in texts)
        (folder / "predictions.jsonl").write_text(lines, encoding="utf-8")
    if status:
        fields = {"tolerance": 0.01, "largest": {}, **verification}
        write_verification(
            folder,
            Verification(status=status, files=files_digest(folder), harness=__version__, **fields),
        )
    return folder


def rows_of(root, method):
    return next(path for path in root.rglob("submission.json") if method in path.parent.name).parent


def edit(row, change):
    """Change submission.json in place."""
    fields = json.loads((row / "submission.json").read_text())
    change(fields)
    (row / "submission.json").write_text(json.dumps(fields))


def with_value(row, path, value):
    """The row with the value at a dotted path replaced; `...` in a list stands for its first."""
    row = json.loads(json.dumps(row))
    *way, last = path.split(".")
    below = row
    for key in way:
        below = below[int(key)] if key.isdigit() else below[key]
    below[int(last) if last.isdigit() else last] = value
    return row
