"""Commits of the hub's data set in the cache of `datasets`, as downloads leave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

from harness.data import hub
from tests.support.task_rows import Row

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = "long_la_mp"


def use_cache(monkeypatch: pytest.MonkeyPatch, home: Path, main: str | None = None) -> None:
    """Read the hub from `home` alone.

    main: the commit that the hub gives for every revision; None for HF_HUB_OFFLINE=1.
    """

    class Info:
        sha = main

    for name in ("resolve", "_builder"):  # new caches, for this test
        monkeypatch.setattr(hub, name, cache(getattr(hub, name).__wrapped__))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", home)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", main is None)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", lambda *_, **__: Info())


def put_commit(
    home: Path, config: str, splits: Mapping[str, Sequence[Row]], commit: str = COMMIT
) -> None:
    """Write a config's splits to the cache `home`, as of `commit`."""
    from datasets import Dataset, DatasetInfo, SplitDict, SplitInfo
    from datasets.arrow_writer import ArrowWriter

    folder = home / f"LongLaMP___{NAME}" / config / "0.0.0" / commit
    folder.mkdir(parents=True)
    infos = SplitDict(dataset_name=NAME)
    features = None
    for split, rows in splits.items():
        table = Dataset.from_list(list(rows))
        features = features or table.features
        with ArrowWriter(path=str(folder / f"{NAME}-{split}.arrow"), features=features) as writer:
            if rows:
                writer.write_table(table.data.table)
            examples, size = writer.finalize()
        infos.add(SplitInfo(split, size, examples, dataset_name=NAME))
    DatasetInfo(
        features=features, config_name=config, dataset_name=NAME, version="0.0.0", splits=infos
    ).write_to_directory(str(folder))
