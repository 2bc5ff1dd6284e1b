"""Methods whose truth is planted, trained once, end to end: what the certificate says of them.

Texts of the built-in benchmark with the phrases of training, in a folder, so that the likelihood of
the references is the measure: with it three training seeds suffice. docs/certificate.md has the
results; `-s` prints them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import harness
from harness.mini import rows
from harness.reports.certificate.certificate_part import sentence
from harness.reports.certificate.certificates import Certificate, certificates
from harness.reports.compared.verdicts import compare_boards
from harness.reports.runs.boards import load_boards
from harness.reports.runs.comparable import checked

pytestmark = pytest.mark.slow
TASK = "product_review"
PLANTED = Path(__file__).parents[2] / "support" / "planted"
SEEDS = (0, 1, 2)
SMALL, HALF = "mini-sixth", "mini-half"
CONTROLS = {"eval.controls": ("own", "zero", "other-profile")}
LITTLE = {"budget.profile": 1}
"""A prompt with one token of the profile."""


@pytest.fixture(scope="module", autouse=True)
def few_draws() -> None:
    """In these tests as many as a user's comparison has."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 users in test; authors and texts of another seed of the benchmark's val."""
    return written(tmp_path_factory.mktemp("planted"), (1,))


@pytest.fixture(scope="module")
def more_users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """160 users in test, of four seeds."""
    return written(tmp_path_factory.mktemp("planted"), (1, 2, 3, 4))


def written(root: Path, seeds: Sequence[int]) -> Path:
    """The benchmark's train and val in a folder; for test, val's texts of other seeds."""
    splits = {
        "train": rows(TASK, "user", "train"),
        "val": rows(TASK, "user", "val"),
        "test": [row for seed in seeds for row in rows(TASK, "user", "val", seed=seed)],
    }
    (root / TASK).mkdir()
    for name, each in splits.items():
        lines = "".join(json.dumps(row) + "\n" for row in each)
        (root / TASK / f"{name}.jsonl").write_text(lines)
    return root


def runs(data: Path, out: Path, method: str, backbone: str = SMALL, **settings: object) -> None:
    """Three training seeds of a method."""
    plugin = [] if "planted" not in f"{method} {settings}" else [
        PLANTED / f"{name}.py" for name in ("carrier", "noise", "larger")
    ]  # fmt: skip
    small = {
        "train.epochs": 1, "train.lr": 3e-4, "train.profile_dropout": 0.0,
        "decode.max_new_tokens": 8, "eval.metrics": ("bleu",), "eval.relative": False,
        "eval.authors": False, "eval.floors": False, "train.keep_weights": False,
    }  # fmt: skip
    for seed in SEEDS:
        harness.run(
            method, data=data, task=TASK, train_limit=64, backbone=backbone, seed=seed, out=out,
            plugin=plugin, progress=False, **{**small, **settings},
        )  # fmt: skip


def certified(out: Path, system: str) -> Certificate:
    """A system's certificate on the likelihood of the references; printed."""
    boards, _ = load_boards([out])
    (compared,) = compare_boards([checked(board, False) for board in boards], "nll")
    (found,) = (one for one in certificates(compared) if one.system.startswith(system))
    print(f"\n{sentence(found)}")
    for gap in found.gaps:
        print(f"  {gap.name}: {gap.value} [{gap.low}, {gap.high}] {gap.why}")
    return found


def test_thoughts_that_alone_carry_the_user(data, tmp_path):
    """No other method sees the profile, so that no compute replaces the thoughts."""
    runs(data, tmp_path, "planted-carrier", HALF, **LITTLE, **CONTROLS)
    runs(data, tmp_path, "sft", HALF, **LITTLE)
    runs(data, tmp_path, "sft", HALF, **LITTLE, **{"method.flops_of": "planted-carrier"})
    runs(data, tmp_path, "sft", "mini", **LITTLE)  # as many parameters as two of half the size
    found = certified(tmp_path, "planted-carrier")
    assert (found.carries, found.explains) == ("YES", "MORE THAN COMPUTE")


def test_thoughts_that_are_noise(data, tmp_path):
    runs(data, tmp_path, "planted-noise", **CONTROLS)
    assert certified(tmp_path, "planted-noise").carries == "NO"


def test_thoughts_that_know_the_position_alone(more_users, tmp_path):
    """Another user's profile is longer or shorter, which moves positions: the gap differs between
    users, so that it takes many of them to say that it is small."""
    reads = {"method.reasoner_reads": "position"}
    runs(more_users, tmp_path, "flythinker", **CONTROLS, **reads)
    assert certified(tmp_path, "flythinker").carries == "NO"


def test_a_larger_generator_with_dead_thoughts(data, tmp_path):
    runs(data, tmp_path, "planted-larger", **CONTROLS)
    runs(data, tmp_path, "sft")
    runs(data, tmp_path, "sft", HALF)
    found = certified(tmp_path, "planted-larger")
    assert (found.carries, found.explains) == ("NO", "COMPUTE")


def test_a_twin_of_sft(data, tmp_path):
    """λ = 0: thoughts are computed and change nothing."""
    runs(data, tmp_path, "flythinker", **CONTROLS, **{"method.lam": 0})
    runs(data, tmp_path, "sft")
    found = certified(tmp_path, "flythinker")
    assert (found.carries, found.explains) == ("NO", "NOTHING TO EXPLAIN")
