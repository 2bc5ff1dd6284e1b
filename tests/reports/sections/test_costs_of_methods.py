"""What systems cost: over several texts of an example, over seeds, and where nothing was timed."""

import dataclasses

import pytest

from harness.leaderboard.row import costs_of
from harness.record import DeviceInfo, ModelInfo, read_record, write_record
from harness.reports.compared.verdicts import compare_boards
from harness.reports.render.plots.panels import caption_of
from harness.reports.runs.boards import load_boards
from harness.reports.runs.system_costs import text_s
from harness.reports.sections.costs_of_methods import costs_part
from harness.reports.sections.quality_time import quality_time_picture
from tests.support.synthetic import column, made_up, write_runs

THREE = ["decode.samples=3"]


def test_costs_of_a_text_are_over_all_texts_of_an_example(tmp_path):
    # 40 examples of 3 texts each, with 20 preface tokens before each text
    record = made_up("product_review", "cot", examples=40, assignments=THREE)
    inference = dataclasses.replace(record.inference, preface_tokens=40 * 3 * 20)
    record = dataclasses.replace(record, inference=inference)
    assert record.samples == 3
    assert costs_of(record).hidden_tokens == pytest.approx(20)
    write_runs(
        tmp_path, ["cot"], ["product_review"], assignments={"cot": THREE},
        changes={"inference": inference},
    )  # fmt: skip
    (board,), _ = load_boards([tmp_path])
    writing = costs_part(compare_boards([board])[0]).tables[-1]
    assert column(writing, "hidden tokens per text") == ["20.0"]


def test_a_record_without_the_setting_has_one_text_of_each_example():
    record = made_up("product_review", "cot")
    assert dataclasses.replace(record, settings={}).samples == 1


def test_generation_that_was_not_timed_has_no_times_instead_of_zeros(tmp_path):
    folder = write_runs(tmp_path, ["cot"], ["product_review"], seeds=(0, 1))[1]
    record = read_record(folder)
    untimed = dataclasses.replace(
        record.inference, decode_s=0.0, preface_s=0.0, seconds_per_example=None, batches_timed=0
    )  # as records were written before such times were null
    write_record(dataclasses.replace(record, inference=untimed), folder)
    (board,), _ = load_boards([tmp_path])
    assert [text_s(one) for one in board.records] == [0.3, None]
    writing = costs_part(compare_boards([board])[0]).tables[-1]
    for head in ("time per text", "hidden tokens, total time"):
        assert column(writing, head) == ["–"]


def test_columns_of_costs_are_those_of_any_seed(tmp_path):
    folder = write_runs(tmp_path, ["sft"], ["product_review"], seeds=(0, 1))[1]
    record = read_record(folder)
    training = dataclasses.replace(
        record.training, seconds={**record.training.seconds, "lr_search": 2.0}, flops_total=10
    )
    inference = dataclasses.replace(record.inference, user_work_s=4.0)
    write_record(dataclasses.replace(record, training=training, inference=inference), folder)
    (board,), _ = load_boards([tmp_path])
    trained, generated = costs_part(compare_boards([board])[0]).tables
    heads = {one.name for table in (trained, generated) for one in table.columns}
    assert {"lr search", "FLOPs", "once per user"} <= heads


def test_the_machine_is_that_of_the_runs_not_of_texts_made_elsewhere(tmp_path):
    write_runs(tmp_path, ["mine"], ["product_review"])
    (folder,) = write_runs(tmp_path, ["a-writer"], ["product_review"])
    nowhere = DeviceInfo(device="none", dtype="none", threads=0)
    write_record(
        dataclasses.replace(
            read_record(folder), kind="scored", training=None, inference=None, device=nowhere,
            backbone=ModelInfo(),
        ),
        folder,
    )  # fmt: skip
    (board,), _ = load_boards([tmp_path])
    assert [one.name for one in board.systems] == ["a-writer", "mine"]
    (compared,) = compare_boards([board])
    caption = caption_of(quality_time_picture(compared).drawing)
    notes = [note for table in costs_part(compared).tables for note in table.notes]
    own = board.systems[1].record.device
    assert own.threads == 2
    assert caption.endswith(f"{own.device} ({own.processor}), float32, 2 threads")
    assert set(notes) == {f"{own.device} ({own.processor}), float32, 2 threads."}
    absent = "; not drawn without training time and time per text: a-writer"
    assert f"{absent}; " in caption
    assert quality_time_picture(compared).alt.endswith(absent)


@pytest.mark.parametrize(
    ("methods", "axes"),
    [
        (["nonpers", "rag"], ["time per text (seconds)"]),
        (["rag", "sft"], ["training time (seconds)", "time per text (seconds)"]),
    ],
)
def test_training_time_is_an_axis_only_where_something_was_trained(tmp_path, methods, axes):
    write_runs(tmp_path, methods, ["product_review"])
    (compared,) = compare_boards(load_boards([tmp_path])[0])
    drawing = quality_time_picture(compared).drawing
    assert [one.get_xlabel() for one in drawing.axes] == axes
    assert "not drawn" not in caption_of(drawing)


@pytest.mark.parametrize(("threads", "whiskers"), [(2, "; vertical whiskers"), (8, "; whiskers")])
def test_whiskers_are_called_vertical_only_beside_an_axis_of_time(tmp_path, threads, whiskers):
    write_runs(tmp_path, ["sft"], ["product_review"])
    (folder,) = write_runs(tmp_path, ["cot"], ["product_review"])
    record = read_record(folder)
    device = dataclasses.replace(record.device, threads=threads)
    write_record(dataclasses.replace(record, device=device), folder)
    (compared,) = compare_boards(load_boards([tmp_path])[0])
    assert f"{whiskers}: 95 %" in caption_of(quality_time_picture(compared).drawing)
