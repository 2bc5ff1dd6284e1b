"""What stops a comparison, the message, and what may differ."""

import dataclasses

import numpy as np
import pytest

from harness.errors import DataError
from harness.metrics.bleu import Bleu
from harness.record import (
    BackboneInfo,
    DeviceInfo,
    ModelInfo,
    read_predictions,
    read_record,
    texts_digest,
    write_record,
)
from harness.reports.compared.contrasts import contrast_all
from harness.reports.compared.measures import measures_of
from harness.reports.runs.boards import load_boards
from harness.reports.runs.comparable import (
    checked,
    differences,
    machines,
    setting_differences,
    unequal,
)
from harness.reports.runs.system_costs import machine, times_not_comparable
from tests.support.synthetic import board_of, made_up, write_runs

TASK = ["product_review"]
SEEDS = (0, 1, 2)


@pytest.fixture
def other_way(tmp_path):
    """sft as it is, and rag with something else: settings, or fields of the record."""

    def build(*assignments, **fields):
        write_runs(tmp_path / "a", ["sft"], TASK)
        write_runs(tmp_path / "b", ["rag"], TASK, assignments={"rag": assignments}, changes=fields)
        return board_of(tmp_path / "a", tmp_path / "b")

    return build


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("decode.max_new_tokens=100", "cap on new tokens (decode.max_new_tokens)  100: rag; 512: "),
        ("decode.temperature=0.5", "temperature (decode.temperature)  0.5: rag; 1.0: sft"),
        ("decode.top_p=0.9", "top-p (decode.top_p)  0.9: rag; 0.95: sft"),
        ("data.setting=temporal", "setting (data.setting)  temporal: rag; user: sft"),
    ],
)
def test_differences_are_shown_with_their_values_and_a_remedy(other_way, assignment, expected):
    board = other_way(assignment)
    with pytest.raises(DataError) as error:
        checked(board, allow_different=False)
    assert "product_review: these runs are not comparable" in str(error.value)
    assert expected in str(error.value)
    assert "--allow-different" in str(error.value)
    assert expected in checked(board, allow_different=True).allowed[0]


def test_other_texts_than_the_records_are_refused_by_name(tmp_path):
    (folder,) = write_runs(tmp_path, ["sft"], TASK)
    record = dataclasses.replace(read_record(folder), texts=texts_digest(read_predictions(folder)))
    write_record(record, folder)
    load_boards([tmp_path])
    texts = (folder / "predictions.jsonl").read_text()
    (folder / "predictions.jsonl").write_text(texts.replace('"output": "', '"output": "x', 1))
    with pytest.raises(DataError) as error:
        load_boards([tmp_path])
    message = str(error.value)
    assert message.startswith(f"{folder / 'predictions.jsonl'}: other texts than the record's")
    assert "mend      restore the file, or repeat the record's command with --fresh" in message


def test_other_data_and_other_signatures_are_not_comparable(tmp_path):
    write_runs(tmp_path / "a", ["sft"], TASK)
    record = made_up("product_review", "rag")
    other = dataclasses.replace(record.data.test, fingerprint="other" * 8)
    data = dataclasses.replace(record.data, splits={"test": other})
    score = dataclasses.replace(record.metrics["bleu"], signature="bleu|tok:intl")
    record = dataclasses.replace(record, data=data, metrics={**record.metrics, "bleu": score})
    write_record(record, tmp_path / "b")
    found = [one.what for one in differences(board_of(tmp_path))]
    assert found == ["data of the test split (fingerprint)", "signature of bleu"]


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("eval.slices=0,50,150,300",
         r"slices of the reference \(eval.slices\)  \[0, 50, 150, 300\]: rag; \[0, 100, "),
        ("eval.slices=0,200", r"\[0, 200\]: rag; \[0, 100, 200, 300\]: sft"),
        ("decode.samples=3", r"texts of each example \(decode.samples\)  3: rag; 1: sft"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("allowed", [False, True])
def test_what_cannot_be_paired_is_never_allowed(other_way, assignment, expected, allowed):
    message = rf"examples of these runs cannot be paired\n.*{expected}(.|\n)*  mend  rerun some"
    with pytest.raises(DataError, match=message):
        checked(other_way(assignment), allow_different=allowed)


@pytest.mark.parametrize("allowed", [False, True])
def test_texts_from_elsewhere_are_one_of_each_example(tmp_path, allowed):
    # a scored record has no settings of decoding
    write_runs(tmp_path / "a", ["sft"], TASK, assignments={"sft": ["decode.samples=3"]})
    record = made_up("product_review", "mine")
    settings = {name: each for name, each in record.settings.items() if name != "decode"}
    write_record(dataclasses.replace(record, kind="scored", settings=settings), tmp_path / "b")
    found = r"cannot be paired\n.*texts of each example \(decode.samples\)  3: sft; 1: mine"
    with pytest.raises(DataError, match=found):
        checked(board_of(tmp_path), allow_different=allowed)


def test_numbers_of_donors_matter_only_if_both_runs_have_lift(tmp_path):
    write_runs(tmp_path / "a", ["sft"], TASK, full=True)
    (folder,) = write_runs(tmp_path / "b", ["rag"], TASK, full=True)
    record = read_record(folder)
    for lift, expected in (
        (
            dataclasses.replace(record.lift, donors=2),
            ["other users for lift (eval.donors)  2: rag; 4: sft"],
        ),
        (None, []),
    ):
        write_record(dataclasses.replace(record, lift=lift), folder)
        assert [str(one) for one in differences(board_of(tmp_path))] == expected


def test_method_settings_backbone_and_seed_may_differ_and_are_printed(other_way):
    board = other_way("method.k=2", backbone=ModelInfo(name="big", fingerprint="b" * 16))
    assert differences(board) == []
    found = {one.what: one.values for one in setting_differences(board.systems)}
    assert found["method.k"] == {"2": ("rag",), "no such option": ("sft",)}
    assert found["backbone's weights"] == {"b" * 16: ("rag",), "f" * 16: ("sft",)}


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"threads": 8}, "threads  8: rag; 2: sft"), ({"processes": 2}, "processes  2: rag; 1: sft")],
)
def test_times_need_the_same_machine_threads_and_processes(other_way, changed, said):
    device = dataclasses.replace(made_up("product_review", "rag").device, **changed)
    assert [str(one) for one in machines(other_way(device=device).systems)] == [said]


@pytest.mark.parametrize("seed", [0, 2])
def test_times_do_not_compare_where_any_seed_was_trained_on_another_machine(tmp_path, seed):
    write_runs(tmp_path, ["rag"], TASK, SEEDS)
    folder = write_runs(tmp_path, ["sft"], TASK, SEEDS)[seed]
    assert times_not_comparable(board_of(tmp_path)) is None
    record = read_record(folder)
    training = dataclasses.replace(record.training, machine=record.device)
    write_record(dataclasses.replace(record, training=training), folder)
    found = times_not_comparable(board_of(tmp_path))
    assert found == "another machine trained than generated, so times do not compare: sft"


@pytest.fixture
def one_missing(tmp_path):
    """sft with 40 texts, rag with the first 39 of them."""
    write_runs(tmp_path, ["sft"], TASK)
    whole = made_up("product_review", "rag")
    examples = dict(list(whole.examples.items())[:-1])
    values = {name: float(np.mean([row.scores[name] for row in examples.values()]))
              for name in whole.metrics}  # fmt: skip
    values["bleu"] = float(Bleu().value(sum(np.array(row.rows["bleu"][0], dtype=float)
                                            for row in examples.values())))  # fmt: skip
    metrics = {
        name: dataclasses.replace(score, value=values[name])
        for name, score in whole.metrics.items()
    }
    short = dataclasses.replace(whole, examples=examples, metrics=metrics)
    write_record(short, tmp_path / "rag")
    return board_of(tmp_path)


def test_missing_examples_are_refused(one_missing):
    with pytest.raises(DataError, match="test examples  1 of 40 missing: rag; none missing: sft"):
        checked(one_missing, allow_different=False)


def test_missing_examples_count_as_empty_if_allowed(one_missing):
    board = checked(one_missing, allow_different=True)
    bleu, rouge = (
        next(one for one in measures_of(board) if one.name == name) for name in ("bleu", "rouge1")
    )
    rag = board.systems[0].record
    each = [row.scores["rouge1"] for row in rag.examples.values()]
    # 39 texts and an empty one: the sum over 40
    assert contrast_all(rouge, board).values["rag"].value == pytest.approx(sum(each) / 40)
    # BLEU: nothing written where 100 words were expected
    counts = [row.rows["bleu"][0] for row in rag.examples.values()]
    total = [sum(column) for column in zip(*counts, strict=True)]
    total[1] += 100
    expected = float(Bleu().value(np.array(total, dtype=float)))
    assert contrast_all(bleu, board).values["rag"].value == pytest.approx(expected)


def test_runs_without_a_common_example_are_never_comparable(tmp_path):
    write_runs(tmp_path / "a", ["sft"], TASK)
    record = made_up("product_review", "rag")
    renamed = {f"x{key}": values for key, values in record.examples.items()}
    write_record(dataclasses.replace(record, examples=renamed), tmp_path / "b")
    with pytest.raises(DataError, match="no example is in all of rag, sft"):
        checked(board_of(tmp_path), allow_different=True)


def test_the_same_run_twice_is_refused(tmp_path):
    write_runs(tmp_path / "a", ["sft"], TASK)
    write_runs(tmp_path / "b", ["sft"], TASK)
    with pytest.raises(DataError, match=r"sft, seed 0, same settings: found in .*a/.* and .*b/"):
        load_boards([tmp_path])


def test_unfinished_runs_are_left_out_and_listed(tmp_path):
    write_runs(tmp_path, ["sft"], TASK)
    write_runs(tmp_path, ["rag"], TASK, changes={"status": "running"})
    (board,), (found,) = load_boards([tmp_path])
    assert [system.name for system in board.systems] == ["sft"]
    assert "not finished" in found
    with pytest.raises(DataError, match=r"no finished run to compare\n.*not finished"):
        load_boards([tmp_path / "product_review" / "rag"])


def test_records_that_cannot_be_paired_are_refused(tmp_path):
    (folder,) = write_runs(tmp_path, ["sft"], TASK)
    record = read_record(folder)
    first = next(iter(record.examples))
    for change, message in (
        (None, f"example {first} has no user.*--fresh"),
        ("someone", f"example {first} is of user"),
    ):
        row = dataclasses.replace(record.examples[first], user=change)
        examples = {**record.examples, first: row}
        write_record(dataclasses.replace(record, seed=1, examples=examples), tmp_path / "sft again")
        with pytest.raises(DataError, match=message):
            load_boards([tmp_path])


def test_runs_of_two_number_types_are_named(other_way):
    device = DeviceInfo(device="cpu", dtype="bfloat16", threads=1, generation_dtype="float32")
    board = other_way(device=device)
    line = "number types  bfloat16, generation float32: rag; float32: sft"
    assert line in [str(one) for one in setting_differences(board.systems)]
    assert line in [str(one) for one in unequal(board.systems)]
    assert "bfloat16, generation float32" in machine(board.systems[0].record)


def test_a_setting_that_is_null_on_one_side_differs(other_way):
    board = other_way("train.lr_trial_seed=0", "data.val_limit=4", "retrieval.k=2")
    found = {one.what: one.values for one in setting_differences(board.systems)}
    assert found["train.lr_trial_seed"] == {"0": ("rag",), "not set": ("sft",)}
    assert found["data.val_limit"] == {"4": ("rag",), "not set": ("sft",)}
    assert found["retrieval.k"] == {"2": ("rag",), "as many as fit": ("sft",)}
    assert "data.limit" not in found  # null on both sides
    assert [one.what for one in unequal(board.systems)] == ["retrieval.k"]


def test_the_reasoner_of_texts_made_elsewhere_is_not_known(tmp_path):
    two = ModelInfo(name="mini", fingerprint="f" * 16, reasoner=BackboneInfo(name="small"))
    write_runs(tmp_path / "a", ["flythinker"], TASK, changes={"backbone": two})
    record = made_up("product_review", "mine")
    settings = {name: each for name, each in record.settings.items() if name in ("data", "eval")}
    elsewhere = {"kind": "scored", "settings": settings, "backbone": ModelInfo()}
    write_record(dataclasses.replace(record, **elsewhere), tmp_path / "b")
    found = {one.what: one.values for one in setting_differences(board_of(tmp_path).systems)}
    assert found["model.reasoner"] == {"small": ("flythinker",), "not known": ("mine",)}
