"""Certificates from records whose truth is made up, and their part of the page."""

import dataclasses

import numpy as np
import pytest

from harness.record import read_record, write_record
from harness.reports.certificate.certificate_part import certificate_part
from harness.reports.certificate.certificates import certificates
from harness.reports.compare_runs import compare
from harness.reports.compared.verdicts import compare_boards
from harness.reports.runs.boards import load_boards
from tests.support.synthetic import write_runs

SEEDS = (0, 1, 2)
TASK = ["product_review"]


@pytest.fixture(autouse=True)
def a_margin_that_three_seeds_reach(monkeypatch):
    monkeypatch.setattr("harness.reports.certificate.certificates.MARGINS", {"bleu": 3.0})


def with_thoughts(folder, other, none, noise):
    """The record of two models, whose thoughts' replacement costs so many points in each text."""
    record = read_record(folder)
    draw = np.random.default_rng(record.seed)
    examples = {
        key: dataclasses.replace(values, thoughts={
            "own": {"bleu": 50.0},
            "other-profile": {"bleu": 50.0 - other + float(draw.normal(0, noise))},
            "zero": {"bleu": 50.0 - none + float(draw.normal(0, noise))},
        })
        for key, values in record.examples.items()
    }  # fmt: skip
    two = dataclasses.replace(record.backbone, method_parameters=2_400_000)
    write_record(dataclasses.replace(record, examples=examples, backbone=two), folder)


def world(out, other=5.0, none=8.0, flops=None, size=None, seeds=SEEDS, gain=9.0, noise=0.5):
    """Runs of sft and flythinker, and of the arms that have an effect."""
    write_runs(out, ["sft"], TASK, seeds, effect=6.0)
    for folder in write_runs(out, ["flythinker"], TASK, seeds, full=True, effect=gain):
        with_thoughts(folder, other, none, noise)
    if flops is not None:
        write_runs(
            out / "flops", ["sft"], TASK, seeds, effect=flops,
            assignments={"sft": ["method.flops_of=flythinker"]},
        )  # fmt: skip
    if size is not None:
        model = read_record(next(out.rglob("flythinker/*/record.json")).parent).backbone
        large = dataclasses.replace(model, name="large", reasoner=None)
        write_runs(
            out / "size", ["sft"], TASK, seeds, effect=size, changes={"backbone": large},
            assignments={"sft": ["model.backbone=large"]},
        )  # fmt: skip
    return out


def certified(out):
    boards, _ = load_boards([out])
    (compared,) = compare_boards(boards)
    return compared, certificates(compared)


@pytest.mark.parametrize(
    ("changes", "user", "gain"),
    [
        ({"other": 5.0, "flops": 6.0, "size": 6.0}, "YES", "MORE THAN COMPUTE"),
        ({"other": 0.0, "flops": 9.0, "size": 6.0}, "NO", "COMPUTE"),
        ({"other": 0.0, "gain": 6.0}, "NO", "NOTHING TO EXPLAIN"),
        ({"other": 5.0}, "YES", "CANNOT TELL"),  # a gain, but no arm to explain it
        ({"other": 5.0, "seeds": (0, 1), "flops": 6.0}, "CANNOT TELL", "CANNOT TELL"),
    ],
)
def test_the_answers(tmp_path, changes, user, gain):
    _, (one,) = certified(world(tmp_path, **changes))
    assert one.system == "flythinker"
    assert (one.carries, one.explains) == (user, gain)


def test_a_gap_of_0_in_every_text_and_seed_decides(tmp_path):
    _, (one,) = certified(world(tmp_path, other=0.0, none=0.0, noise=0.0))
    assert (one.own_other.value, one.own_other.why, one.carries) == (0.0, "", "NO")


def test_a_system_is_compared_with_sft_on_its_own_backbone(tmp_path):
    # two backbones of sft, as many runs of each: the larger one is no plain sft
    _, (one,) = certified(world(tmp_path, size=9.0))
    assert one.gain.value > 2
    assert one.parameters.value == pytest.approx(0.0, abs=1.0)


def test_the_page_has_a_sentence_a_figure_and_the_numbers(tmp_path):
    compared, (one,) = certified(world(tmp_path, flops=6.0))
    part = certificate_part(compared)
    (line,) = part.text
    assert line.startswith("flythinker: its thoughts carry the user")
    assert line.endswith("Not run: minus sft of equal parameters.")
    (table,) = part.tables
    assert [row[2] for row in table.rows] == [gap.name for gap in one.gaps]
    assert table.rows[0][1] == "YES"
    (picture,) = part.pictures
    assert "own − another user's thoughts +4.9" in picture.alt


def test_methods_without_thoughts_have_no_certificate(tmp_path):
    write_runs(tmp_path, ["sft", "rag"], TASK, SEEDS)
    compared, found = certified(tmp_path)
    assert found == []
    assert not certificate_part(compared)


def test_where_lower_is_better_a_gap_above_0_still_favours_the_method(tmp_path):
    boards, _ = load_boards([world(tmp_path)])
    (compared,) = compare_boards(boards, "nll")
    (one,) = certificates(compared)
    nll = compared.main.values
    assert (one.gain.value > 0) == (nll["flythinker"].value < nll["sft"].value)


def test_a_comparisons_json_has_certificates_and_claims(tmp_path):
    (board,) = compare([world(tmp_path, flops=6.0)]).facts["boards"]
    (one,) = board["certificates"]
    assert (one["system"], one["carries"], len(one["gaps"])) == ("flythinker", "YES", 5)
    assert {claim["paper"] for claim in board["claims"]} == {"FlyThinker"}
    assert all(claim["parts"] for claim in board["claims"])
