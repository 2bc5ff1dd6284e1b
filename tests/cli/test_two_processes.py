"""Two processes make the run that one makes. Real commands: slow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness.record import Record, read_record
from tests.support.real_processes import (
    ACCELERATE,
    HARNESS,
    TORCHRUN,
    VIEWS,
    command,
    losses,
    records,
    words,
)

pytestmark = pytest.mark.slow


def test_two_processes_make_the_records_of_one(tmp_path: Path, reviews: Path, backbone: Path):
    both = [*VIEWS, "train.profile_dropout=0"]
    one = command(HARNESS, words(reviews, backbone, tmp_path / "one", *both, method="all"))
    two = command(
        HARNESS,
        words(reviews, backbone, tmp_path / "two", *both, "--processes", "2", method="all"),
    )
    assert (one.returncode, two.returncode) == (0, 0), two.stderr[-3000:]
    alone, together = records(tmp_path / "one"), records(tmp_path / "two")
    assert len(alone) == len(together) == 6
    flips = 0
    for method, (record, texts) in together.items():
        known, known_texts = alone[method]
        assert record.run_id == known.run_id
        assert (record.device.processes, known.device.processes) == (2, 1)
        flips += sum(a != b for a, b in zip(texts, known_texts, strict=True))
        if known.training is not None:
            pairs = zip(losses(record), losses(known), strict=True)
            assert all(abs(a - b) < 1e-5 for a, b in pairs), method
            assert record.training is not None
            assert record.training.val_loss == pytest.approx(known.training.val_loss, abs=1e-5)
        for example, values in record.examples.items():
            other = known.examples[example]
            assert values.likelihood is not None
            assert other.likelihood is not None
            assert values.likelihood.mean == pytest.approx(other.likelihood.mean, abs=1e-4)
        assert (record.forced is None) == (known.forced is None)
        assert (record.controls is None) == (known.controls is None)
        assert not list((tmp_path / "two").glob("**/evaluation.jsonl"))
    assert flips <= 1  # of 48 float32 texts; none when this was written
    again = command(HARNESS, words(reviews, backbone, tmp_path / "two", *both, method="all"))
    assert "complete" in again.stdout + again.stderr or again.returncode == 0


def test_two_processes_run_the_built_in_benchmark(tmp_path: Path):
    sets = ["train.lr=1e-3", "train.epochs=1", "decode.max_new_tokens=40", "decode.batch_size=3"]
    given = ["run", "--method", "flythinker", "--limit", "8", "--train-limit", "16"]
    asked = [*given, "--out", str(tmp_path), *(word for one in sets for word in ("--set", one))]
    done = command(HARNESS, [*asked, "--processes", "2"])
    assert done.returncode == 0, done.stderr[-3000:]
    found = records(tmp_path)["flythinker"][0]
    assert found.device.processes == 2
    assert found.n.scored == 8
    assert found.inference is not None
    assert found.inference.batches_timed == 3
    assert done.stdout.count("record: ") == 1
    again = command(HARNESS, asked)  # one process shows what two have made
    assert again.returncode == 0
    assert "record: " in again.stdout


@pytest.mark.parametrize(("method", "sharding"), [("sft", "full"), ("flythinker", "none")])
def test_phases_of_two_processes_and_scoring_by_one_make_the_record_of_one(
    tmp_path: Path, reviews: Path, backbone: Path, method: str, sharding: str
):
    views = VIEWS if method == "flythinker" else VIEWS[:-1]  # sft has no thoughts to replace
    sets = (*views, "eval.authors=true", "train.profile_dropout=0", f"train.sharding={sharding}")
    whole = command(HARNESS, words(reviews, backbone, tmp_path / "whole", *sets, method=method))
    assert whole.returncode == 0, whole.stderr[-3000:]
    asked = words(reviews, backbone, tmp_path / "apart", *sets, method=method)
    for more in (("--until", "trained"), ("--until", "generated"), ()):
        several = ("--processes", "2") if more else ()
        done = command(HARNESS, [*asked, *more, *several])
        assert done.returncode == 0, done.stderr[-3000:]
        if more:
            assert f": {more[1]}" in done.stdout
    ((known, texts),) = records(tmp_path / "whole").values()
    ((record, found),) = records(tmp_path / "apart").values()
    assert (record.run_id, record.status) == (known.run_id, "complete")
    assert (record.device.processes, known.device.processes) == (2, 1)
    assert found == texts
    assert evaluated(record) == pytest.approx(evaluated(known), abs=1e-4)
    if method == "sft":
        _exported_models_are_equal(tmp_path)


def evaluated(record: Record) -> dict[str, Any]:
    """Everything that a record says of texts and model, by dotted name."""
    names = ("metrics", "quality", "slices", "breakdowns", "likelihood", "lift", "forced",
             "controls", "authors", "examples", "n")  # fmt: skip
    found = asdict(record)
    found["lift"].pop("tokens")  # the digest of a file with numbers
    return dict(leaves({name: found[name] for name in names}))


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no mapping and no list, by dotted name."""
    if isinstance(value, Mapping | list | tuple):
        for key, each in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from leaves(each, f"{name}.{key}")
    else:
        yield name, value


def _exported_models_are_equal(tmp_path: Path) -> None:
    """`harness export --to model` of sharded training by two processes, and of one process."""
    weights = []
    for name in ("whole", "apart"):
        (run,) = (path.parent for path in (tmp_path / name).glob("*/*/*/record.json"))
        out = tmp_path / f"served-{name}"
        done = command(HARNESS, ["export", str(run), "--to", "model", "--out", str(out)])
        assert done.returncode == 0, done.stderr[-3000:]
        weights.append(load_file(out / "model.safetensors"))
    one, two = weights
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, atol=1e-5, rtol=0)


@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
def test_launchers_of_others_start_the_processes(
    tmp_path: Path, reviews: Path, backbone: Path, launcher: tuple[str, ...]
):
    done = command(
        launcher, words(reviews, backbone, tmp_path, "train.sharding=full", method="sft")
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("record: ") == 1
    ((record, _),) = records(tmp_path).values()
    assert record.device.processes == 2


def test_two_processes_search_a_rate_shard_the_model_and_keep_bfloat16(
    tmp_path: Path, reviews: Path, backbone: Path
):
    more = (
        "train.lr=auto", "train.lr_grid=[1e-3,1e30,3e-3]", "train.lr_trial_epochs=2",
        "train.weights=bfloat16", "train.sharding=full",
    )  # fmt: skip
    one, two = tmp_path / "one", tmp_path / "two"
    alone = command(HARNESS, words(reviews, backbone, one, *more))
    together = command(HARNESS, words(reviews, backbone, two, *more, "--processes", "2"))
    assert (alone.returncode, together.returncode) == (0, 0), together.stderr[-3000:]
    assert "lr 1e+30 diverged" in together.stderr
    ((known, texts),), ((record, found),) = records(one).values(), records(two).values()
    assert record.run_id == known.run_id  # sharding and the number of processes name no run
    assert record.training is not None
    assert known.training is not None
    assert known.training.lr_search is not None
    assert record.training.lr == known.training.lr
    assert max(abs(a - b) for a, b in zip(losses(record), losses(known), strict=True)) < 1e-4
    (place,) = two.glob("*/*/*/model.safetensors")
    assert {tensor.dtype for tensor in load_file(place).values()} == {torch.bfloat16}
    assert len(found) == len(texts)
    # the record is of the weights that were saved
    (run,) = (path.parent for path in two.glob("*/*/*/record.json"))
    (run / "record.json").rename(run / "kept.json")
    again = command(HARNESS, words(reviews, backbone, two, *more))
    assert again.returncode == 0, again.stderr[-3000:]
    kept = json.loads((run / "kept.json").read_text())
    loaded = read_record(run)
    assert kept["backbone"]["weights"] == loaded.backbone.weights
    assert records(two)["flythinker"][1] == found


def test_a_model_behind_an_api_has_one_process(tmp_path: Path, reviews: Path):
    server = "openai:http://127.0.0.1:9/v1#some-model"
    asked = ["run", "--method", "rag", "--data", str(reviews), "--backbone", server]
    done = command(HARNESS, [*asked, "--out", str(tmp_path), "--processes", "2"])
    assert done.returncode == 2
    assert "is a model behind an API; expected one process" in done.stderr
    assert done.stderr.count("UsageError") == 1
