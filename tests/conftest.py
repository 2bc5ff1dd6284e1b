"""Shared fixtures: a tiny backbone with its own tokenizer, a small folder of made-up reviews.

The process that hands tests to others imports this file too: what is heavy is imported in fixtures.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import browser, chromium  # noqa: F401  (fixtures for every room with pages)
from tests.support.command_line import call, pretend  # noqa: F401  (fixtures for every room with commands)
from tests.support.figures import blank_figures, rendered  # noqa: F401  (for every room with reports)
from tests.support.order import pytest_collection_modifyitems  # noqa: F401  (a hook)
from tests.support.reviews import made_up_rows, write_rows

os.environ["SUBMITIT_LOG_LEVEL"] = "NOCONFIG"  # its import would close pytest's log handlers


def pytest_configure() -> None:
    """No test has a limit of time for an example: other work on the machine would break it."""
    from hypothesis import settings

    settings.register_profile("untimed", settings.default, deadline=None)
    settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Imports leave a million objects and no garbage to look for among them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny models lose more to threads than they gain."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def unflushed() -> Iterator[None]:
    """Nothing waits for the disk: no test cuts the power, and a run flushes fifty files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session")
def frozen() -> set[int]:
    """How many modules were imported each time that the heap was frozen; once before any other
    fixture, since a module's fixtures come before those of its tests.
    """
    import datasets  # noqa: F401

    import harness.pipeline.single  # noqa: F401

    gc.collect()
    gc.freeze()
    return {len(sys.modules)}


@pytest.fixture(autouse=True)
def frozen_heap(frozen: set[int]) -> None:
    """Each run collects garbage three times; a million objects of imported libraries are none."""
    if len(sys.modules) > max(frozen, default=0) + 100:
        gc.collect()
        gc.freeze()
        frozen.add(len(sys.modules))


@pytest.fixture(autouse=True)
def no_methods_of_files() -> Iterator[None]:
    """Each test begins like a command: without what an earlier one's --plugin files brought."""
    from harness.registry import FROM_FILES, METHODS_OF_FILES, table

    yield
    METHODS_OF_FILES.clear()
    if any(FROM_FILES.values()):
        for brought in FROM_FILES.values():
            brought.clear()
        table.cache_clear()


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


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.support.saved_backbones import save_backbone

    return save_backbone(tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="session")
def made_once(
    tmp_path_factory: pytest.TempPathFactory, reviews: Path, backbone: Path
) -> Callable[[str], Any]:
    """Method → its complete run with the settings of `tests.support.runs.go`."""
    from tests.support.runs import go

    made: dict[str, Any] = {}

    def run(method: str) -> Any:
        if method not in made:
            made[method] = go(tmp_path_factory.mktemp("made"), reviews, backbone, method)
        return made[method]

    return run


@pytest.fixture
def complete(made_once: Callable[[str], Any], tmp_path: Path) -> Callable[..., Any]:
    """What `go(tmp_path, reviews, backbone, method)` returns and leaves, copied."""

    def copy(method: str = "sft") -> Any:
        outcome = made_once(method)
        results = outcome.folder.parents[2]
        shutil.copytree(results, tmp_path / results.name, dirs_exist_ok=True)
        place = tmp_path / results.name / outcome.folder.relative_to(results)
        return replace(outcome, folder=place)

    return copy
