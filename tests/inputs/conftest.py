"""A run with every outside input there is: folders of models, a plugin with a helper, a script."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.support.evaluate_script import SCRIPT
from tests.support.reviews import made_up_rows, write_rows
from tests.support.saved_backbones import save_backbone
from tests.support.world import PLUGIN, World, save_encoder


@pytest.fixture(scope="module")
def finished_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A complete run in `results`."""
    place = tmp_path_factory.mktemp("world")
    root = place / "root"
    splits = {"train": 2, "val": 2, "test": 2}
    rows = {split: made_up_rows(split, users) for split, users in splits.items()}
    write_rows(root / "data" / "product_review", rows)
    save_backbone(root / "backbone")
    save_backbone(root / "reasoner", seed=1)
    save_encoder(root / "dense_model")
    (root / "own.py").write_text(PLUGIN)
    (root / "stale_helper.py").write_text("VALUE = 1\n")
    (root / "share").mkdir()
    (root / "share" / "share.py").write_text(SCRIPT.format(name="Share", result='{"s": 1.0}'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_MODULES_CACHE", str(place / "modules"))
        patch.syspath_prepend(root)
        world = World(root, place / "saved")
        assert world.run().record.status == "complete"
        shutil.copytree(root, world.saved)
        yield world


@pytest.fixture
def world(finished_world: World) -> World:
    finished_world.restore()
    return finished_world
