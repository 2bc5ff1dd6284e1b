"""Certificates from records whose truth is made up, and their part of the page."""

import dataclasses
import re

import numpy as np
import pytest

from harness.record import read_record, write_record
from harness.reports.certificate.certificate_part import certificate_part, sentence
from harness.reports.certificate.certificates import certificates
from harness.reports.certificate.rule import Gap
from harness.reports.compare_runs import compare
from harness.reports.compared.verdicts import compare_boards
from harness.reports.render.plots.panels import caption_of
from harness.reports.runs.boards import load_boards
from tests.support.synthetic import write_runs
from tests.support.synthetic_parts import training_of

SEEDS = (0, 1, 2)
TASK = ["product_review"]
FLOPS = 10_000_000


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
    spent = dataclasses.replace(record.training, flops={"steps": FLOPS})
    write_record(
        dataclasses.replace(record, examples=examples, backbone=two, training=spent), folder
    )


def arms_of_flops(out, effect, seeds=SEEDS, flops=FLOPS, more=()):
    """Runs of sft by `flops_of`, with so many FLOPs and other settings."""
    spent = dataclasses.replace(training_of("sft"), flops=flops and {"steps": flops})
    write_runs(
        out, ["sft"], TASK, seeds, effect=effect, changes={"training": spent},
        assignments={"sft": ["method.flops_of=flythinker", *more]},
    )  # fmt: skip


def arms_of_size(out, effect, seeds=SEEDS, more=()):
    """Runs of sft on a larger backbone, with other settings."""
    model = read_record(next(out.parent.rglob("flythinker/*/record.json")).parent).backbone
    large = dataclasses.replace(model, name="large", reasoner=None)
    write_runs(
        out, ["sft"], TASK, seeds, effect=effect, changes={"backbone": large},
        assignments={"sft": ["model.backbone=large", *more]},
    )  # fmt: skip


def world(out, other=5.0, none=8.0, flops=None, size=None, seeds=SEEDS, gain=9.0, noise=0.5):
    """Runs of sft and flythinker, and of the arms that have an effect."""
    write_runs(out, ["sft"], TASK, seeds, effect=6.0)
    for folder in write_runs(out, ["flythinker"], TASK, seeds, full=True, effect=gain):
        with_thoughts(folder, other, none, noise)
    if flops is not None:
        arms_of_flops(out / "flops", flops, seeds)
    if size is not None:
        arms_of_size(out / "size", size, seeds)
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


@pytest.mark.parametrize("other", ["train.epochs=1", "data.train_limit=9", "retrieval.k=1"])
def test_an_arm_has_the_systems_settings(tmp_path, other):
    # as in `arms_of_*`, but worse by far: taken, they would make the gain more than compute
    out = world(tmp_path)
    arms_of_flops(out / "a", 0.0, more=[other])
    arms_of_size(out / "b", 0.0, more=[other])
    compared, (one,) = certified(out)
    key, value = other.split("=")
    for gap in (one.flops, one.parameters):
        assert gap.value is None
        assert re.fullmatch(rf"not run \(sft \(.*\) has {key} {value}(\.0)?, not .*\)", gap.why)
    assert one.explains == "CANNOT TELL"
    (line,) = certificate_part(compared).text
    assert line.endswith(f"minus sft of equal parameters{one.parameters.why[len('not run') :]}.")
    # beside arms with its settings the others change nothing
    arms_of_flops(out / "c", 6.0)
    arms_of_size(out / "d", 6.0)
    _, (one,) = certified(out)
    assert one.explains == "MORE THAN COMPUTE"
    assert one.flops.value == pytest.approx(one.gain.value, abs=1.0)


def test_an_arm_of_equal_flops_took_the_systems_flops(tmp_path):
    # `flops_of` copies the method with its default options; the system has others
    out = world(tmp_path)
    arms_of_flops(out / "a", 6.0, flops=14_400_000)
    _, (one,) = certified(out)
    assert one.flops.why == (
        "not run (sft (flops_of=flythinker) has 1.44 × the FLOPs of training steps)"
    )
    arms_of_flops(out / "a", 6.0, flops=None)
    _, (one,) = certified(out)
    assert one.flops.why.endswith("has FLOPs that cannot be compared: a record lacks them)")
    arms_of_flops(out / "a", 6.0, flops=10_900_000)
    _, (one,) = certified(out)
    assert one.flops.why == ""


def test_plain_sft_has_the_systems_settings(tmp_path):
    write_runs(tmp_path, ["sft"], TASK, SEEDS, assignments={"sft": ["budget.profile=64"]})
    for folder in write_runs(tmp_path, ["flythinker"], TASK, SEEDS, full=True):
        with_thoughts(folder, 5.0, 8.0, 0.5)
    _, (one,) = certified(tmp_path)
    assert (one.gain.value, one.gain.why) == (
        None, "not run (sft has budget.profile 64, not 512)"
    )  # fmt: skip


def test_a_learning_rate_is_a_methods_own_and_memory_changes_no_result(tmp_path):
    for folder in write_runs(tmp_path, ["flythinker"], TASK, SEEDS, full=True, effect=9.0):
        with_thoughts(folder, 5.0, 8.0, 0.5)
    for rate, effect, loss in (("0.003", 0.0, 2.1), ("0.0003", 6.0, 1.9), ("0.001", 3.0, 2.0)):
        spent = dataclasses.replace(training_of("sft"), lr=float(rate), val_loss=loss)
        write_runs(
            tmp_path / rate, ["sft"], TASK, SEEDS, effect=effect, changes={"training": spent},
            assignments={"sft": [f"train.lr={rate}", "decode.batch_size=3"]},
        )  # fmt: skip
    _, (one,) = certified(tmp_path)
    assert one.gain.value == pytest.approx(3.0, abs=0.5)  # beside the best rate on val


@pytest.mark.parametrize("metric", ["nll", "nll_drift"])
def test_a_measure_that_is_not_on_0_to_100_has_no_margin_unless_named(tmp_path, metric):
    """Here MARGINS names BLEU alone."""
    boards, _ = load_boards([world(tmp_path, flops=6.0, size=6.0)])
    (compared,) = compare_boards(boards, metric)
    (one,) = certificates(compared)
    assert 0 < one.gain.low < one.gain.high < 1
    assert (one.margin, one.explains) == (0.0, "MORE THAN COMPUTE")
    (compared,) = compare_boards(boards, "rouge1")
    (one,) = certificates(compared)
    assert one.margin == 1.0


@pytest.mark.parametrize(
    ("metric", "user", "grey", "note"),
    [
        (
            "bleu", "its texts are as personal, within the margin;",
            "; grey: ± 3, which counts as no difference", "Margin, fixed beforehand: 3 0–100.",
        ),
        (
            "nll", "the user's real texts are no less likely;", "",
            "No margin is fixed for this measure: NO, NOTHING TO EXPLAIN and COMPUTE need an"
            " interval that does not reach above 0.",
        ),
    ],
)  # fmt: skip
def test_a_margin_is_spoken_of_only_where_there_is_one(tmp_path, metric, user, grey, note):
    boards, _ = load_boards([world(tmp_path)])
    (compared,) = compare_boards(boards, metric)
    (one,) = certificates(compared)
    none = dataclasses.replace(one, own_other=Gap("own − other", 0.0, 0.0, 0.0))
    assert f"with another user's thoughts {user}" in sentence(none)
    less = user.replace("as personal, within the margin", "less personal").replace(
        "no less", "less"
    )
    carrying = dataclasses.replace(one, own_other=Gap("own − other", 9.0, 8.0, 10.0))
    assert f"with another user's thoughts {less}" in sentence(carrying)
    part = certificate_part(compared)
    assert caption_of(part.pictures[0].drawing) == (
        f"95 % intervals over {compared.board.counted}{grey}"
    )
    assert part.tables[0].notes[0].startswith(f"{note} Only gaps about methods")
