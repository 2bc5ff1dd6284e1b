"""A `datasets` cache of parsed rows: a file that passed the checks is not parsed again.

The cache is in datasets' own cache folder (HF_DATASETS_CACHE, else HF_HOME), keyed by the file's
sha256, the task and its schema. A cached folder appears complete or not at all.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import asdict
from pathlib import Path

from harness.data.rows import Row
from harness.data.tasks import Task
from harness.paths import make_folder

FORMAT = 4
"""Increase it when the checks or the columns change, so that older caches are ignored."""
SUMS = "sha256.json"
"""In a cached folder: file → sha256, since a changed byte of an Arrow file is another text."""

log = logging.getLogger(__name__)


def cache_folder(task: Task, sha256: str) -> Path:
    """The cache folder for a file with this content, whether or not it exists yet."""
    import datasets.config

    schema = json.dumps([FORMAT, task.name, task.user, task.row.model_json_schema()])
    key = hashlib.sha256(f"{sha256}\0{schema}".encode()).hexdigest()[:16]
    return Path(datasets.config.HF_DATASETS_CACHE) / "flythinker-harness" / f"{task.name}-{key}"


def read_cached(task: Task, sha256: str, source: str) -> list[Row] | None:
    """The cached rows, or None if the cache is missing or unreadable.

    `source` names the file in messages: a row's place is `{source} line N`.
    """
    folder = cache_folder(task, sha256)
    if not folder.is_dir():
        return None
    from datasets import load_from_disk

    try:
        if json.loads((folder / SUMS).read_bytes()) != _sums(folder):
            raise ValueError("its files are not what was written")
        values = load_from_disk(str(folder)).to_list()
        return [
            Row(**texts, profile=tuple(profile), place=f"{source} line {line}")
            for texts, profile, line in ((v, v.pop("profile"), v.pop("line")) for v in values)
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s cannot be read (%s); parsing the file again", folder, error)
        shutil.rmtree(folder, ignore_errors=True)
        return None


def write_cached(task: Task, sha256: str, rows: list[Row], lines: list[int]) -> None:
    """Cache `rows`, found at `lines` of their file. A cache that cannot be written is no error."""
    from datasets import Dataset, Features, Value

    text = Value("large_string")
    features = Features(
        {
            "line": Value("int64"),
            "id": text,
            "user": text,
            "input": text,
            "output": text,
            "profile": [dict.fromkeys(task.fields, text)],
        }
    )
    values = [asdict(row) for row in rows]
    for value, line in zip(values, lines, strict=True):
        value["line"] = line
        del value["place"]  # the file may have moved when the cache is read
    folder = cache_folder(task, sha256)

    def fill(draft: Path) -> None:
        Dataset.from_list(values, features=features).save_to_disk(draft)
        (draft / SUMS).write_text(json.dumps(_sums(draft)), encoding="utf-8")

    try:
        make_folder(folder, fill)
    except OSError as error:
        log.warning("cannot cache in %s (%s); every run will parse the file", folder.parent, error)


def _sums(folder: Path) -> dict[str, str]:
    """File → sha256 of everything in a cached folder."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.name != SUMS
    }
