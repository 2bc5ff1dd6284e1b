"""What tells two systems apart, and the names that say it."""

import dataclasses

import pytest

from harness.claims import Selector
from harness.errors import DataError
from harness.record import (
    BackboneInfo,
    DeviceInfo,
    ModelInfo,
    read_record,
    write_record,
)
from harness.record.inputs import Inputs
from harness.reports.claims.selection import selected
from harness.reports.runs.comparable import machines, setting_differences
from harness.reports.runs.systems import reference_of, variants
from tests.support.synthetic import board_of, write_runs

TASK = ["product_review"]


def test_a_method_with_two_choices_has_them_after_its_name(tmp_path):
    for lam in ("1.0", "2.0"):
        write_runs(tmp_path / lam, ["flythinker"], TASK, seeds=(0, 1),
                   assignments={"flythinker": [f"method.lam={lam}"]})  # fmt: skip
    names = [(system.name, system.seeds) for system in board_of(tmp_path).systems]
    assert names == [("flythinker (lam=1)", [0, 1]), ("flythinker (lam=2)", [0, 1])]


def test_a_default_that_applied_is_shown_by_its_value(tmp_path):
    write_runs(tmp_path, ["flythinker"], TASK, seeds=(0,))
    write_runs(tmp_path, ["flythinker"], TASK, seeds=(1,),
               assignments={"flythinker": ["method.lam=0.5"]})  # fmt: skip
    write_runs(tmp_path, ["flythinker", "sft"], TASK, seeds=(0, 1),
               assignments={"flythinker": ["method.lam=2"]})  # fmt: skip
    board = board_of(tmp_path)
    names = [(system.name, system.seeds) for system in board.systems]
    # λ is 0.5 where nobody set it, and then it is the run that sets it to 0.5
    assert names == [("sft", [0, 1]), ("flythinker (lam=0.5)", [0, 1]),
                     ("flythinker (lam=2)", [0, 1])]  # fmt: skip
    found = {one.what: dict(one.values) for one in setting_differences(board.systems)}
    assert found["method.lam"] == {
        "no such option": ("sft",), "0.5": ("flythinker (lam=0.5)",), "2": ("flythinker (lam=2)",)
    }  # fmt: skip


def test_with_several_differing_settings_the_usual_one_keeps_the_bare_name(tmp_path):
    for given in ((), ["method.reasoner_weights=frozen"], ["method.reasoner_reads=position"]):
        write_runs(tmp_path, ["flythinker"], TASK, assignments={"flythinker": given})
    for given in ((), ["method.flops_of=flythinker"], ["model.backbone=large"]):
        write_runs(tmp_path, ["sft"], TASK, assignments={"sft": given})
    board = board_of(tmp_path)
    assert [one.name for one in board.systems] == [
        "sft", "sft (backbone=large)", "sft (flops_of=flythinker)",
        "flythinker", "flythinker (reasoner_reads=position)",
        "flythinker (reasoner_weights=frozen)",
    ]  # fmt: skip
    assert reference_of(board).name == "sft"


@pytest.mark.parametrize("arm", [6, 2])
def test_of_two_systems_the_one_with_the_methods_defaults_is_the_usual_one(arm, tmp_path):
    # whichever comes first: the passes name the arm, which has the method's own option
    for passes, given in ((4, ()), (arm, ["method.flops_of=flythinker"])):
        write_runs(tmp_path, ["sft"], TASK,
                   assignments={"sft": [f"train.epochs={passes}", *given]})  # fmt: skip
    board = board_of(tmp_path)
    assert [one.name for one in board.systems] == [
        "sft", f"sft (flops_of=flythinker, epochs={arm})"
    ]  # fmt: skip
    assert [one.name for one in selected(board, [Selector("sft")])] == ["sft"]


@pytest.mark.parametrize(
    ("method", "arm", "name"),
    [
        ("sft", "method.flops_of=flythinker", "sft (flops_of=flythinker)"),
        ("flythinker", "method.reasoner_gate=true", "flythinker (reasoner_gate=True)"),
        ("rag", "retrieval.k=2", "rag (k=2)"),
    ],
)
def test_what_is_usually_off_is_not_named_where_it_is_off(method, arm, name, tmp_path):
    for given in ((), [arm]):
        write_runs(tmp_path, [method], TASK, assignments={method: given})
    assert {system.name for system in board_of(tmp_path).systems} == {method, name}


@pytest.mark.parametrize(
    ("method", "given", "name"),
    [
        ("flythinker", ["method.lam=5"], "flythinker (lam=5)"),
        ("flythinker", ["method.lam=0.5"], "flythinker"),  # the default
        ("sft", ["method.flops_of=flythinker"], "sft (flops_of=flythinker)"),
        ("sft", ["train.epochs=6"], "sft"),  # a setting of every method
    ],
)
def test_a_lone_system_is_named_by_its_own_options_that_are_no_defaults(
    method, given, name, tmp_path
):
    write_runs(tmp_path, [method], TASK, assignments={method: given})
    board = board_of(tmp_path)
    assert (reference_of(board).name, variants(board)) == (name, frozenset())
    assert [one.name for one in selected(board, [Selector(method)])] == [name] * (name == method)


def test_what_all_systems_of_a_method_share_is_named_if_it_is_an_own_option(tmp_path):
    for lr in ("1e-3", "1e-4"):
        given = ["method.lam=5", f"train.lr={lr}", "train.epochs=6"]
        write_runs(tmp_path, ["flythinker"], TASK, assignments={"flythinker": given})
    board = board_of(tmp_path)
    assert [one.name for one in board.systems] == [
        "flythinker (lam=5, lr=0.0001)", "flythinker (lam=5, lr=0.001)"
    ]  # fmt: skip
    assert selected(board, [Selector("flythinker")]) == []


def test_without_a_usual_one_every_differing_setting_is_shown(tmp_path):
    for lam, warmup in ((1.0, 0.1), (2.0, 0.2)):
        given = [f"method.lam={lam}", f"method.lam_warmup={warmup}"]
        write_runs(tmp_path, ["flythinker"], TASK, assignments={"flythinker": given})
    assert [one.name for one in board_of(tmp_path).systems] == [
        "flythinker (lam=1, lam_warmup=0.1)", "flythinker (lam=2, lam_warmup=0.2)"
    ]  # fmt: skip


def test_settings_with_the_same_last_part_are_shown_in_full(tmp_path):
    for given in ((), ["train.batch_size=4"], ["decode.batch_size=4"], ["train.warmup=0.5"]):
        write_runs(tmp_path, ["sft"], TASK, assignments={"sft": given})
    assert [one.name for one in board_of(tmp_path).systems] == [
        "sft", "sft (decode.batch_size=4)", "sft (train.batch_size=4)", "sft (warmup=0.5)"
    ]  # fmt: skip


def test_one_and_one_point_zero_are_one_choice(tmp_path):
    for seed, lam in ((0, 1), (1, 1.0), (2, 2.0)):
        (folder,) = write_runs(tmp_path, ["flythinker"], TASK, seeds=(seed,),
                               assignments={"flythinker": [f"method.lam={lam}"]})  # fmt: skip
        record = read_record(folder)
        settings = {**record.settings, "method": {"lam": lam}}  # as older harnesses wrote it
        write_record(dataclasses.replace(record, settings=settings), folder)
    names = [(one.name, one.seeds) for one in board_of(tmp_path).systems]
    assert names == [("flythinker (lam=1)", [0, 1]), ("flythinker (lam=2)", [2])]


def test_another_device_makes_no_other_system_but_is_shown_with_times(tmp_path):
    machine = DeviceInfo(device="cpu", dtype="float32", threads=2)
    for seed, device in enumerate(("cuda:0", "cuda:1", "cpu")):
        write_runs(tmp_path, ["sft"], TASK, seeds=(seed,),
                   assignments={"sft": [f"model.device={device}"]},
                   changes={"device": dataclasses.replace(machine, device=device)})  # fmt: skip
    (system,) = board_of(tmp_path).systems
    assert (system.name, system.seeds) == ("sft", [0, 1, 2])
    assert [str(one) for one in machines([system])] == [
        "device  cuda:0: sft; cuda:1: sft; cpu: sft"
    ]


def test_options_of_a_method_that_is_not_installed_stay_unknown(tmp_path):
    for seed, given in ((0, ()), (1, ["method.k=2"])):
        write_runs(tmp_path, ["mine"], TASK, seeds=(seed,), assignments={"mine": given})
    names = [one.name for one in board_of(tmp_path).systems]
    assert names == ["mine (k=2)", "mine (k=default)"]


def test_a_reasoner_that_was_not_named_is_read_from_the_record(tmp_path):
    for seed, given in ((0, ()), (1, ["model.reasoner=small"])):
        (folder,) = write_runs(tmp_path, ["flythinker"], TASK, seeds=(seed,),
                               assignments={"flythinker": given})  # fmt: skip
        record = read_record(folder)
        reasoner = BackboneInfo(name="small", parameters=9)
        backbone = dataclasses.replace(record.backbone, reasoner=reasoner)
        write_record(dataclasses.replace(record, backbone=backbone), folder)
    assert [one.seeds for one in board_of(tmp_path).systems] == [[0, 1]]


def test_other_views_make_no_other_method(tmp_path):
    write_runs(tmp_path, ["sft"], TASK)
    write_runs(tmp_path, ["sft"], TASK, seeds=(1,), assignments={"sft": ["eval.forced=true"]})
    assert [(one.name, one.seeds) for one in board_of(tmp_path).systems] == [("sft", [0, 1])]


def test_another_path_of_the_same_data_makes_no_other_method(tmp_path):
    write_runs(tmp_path, ["sft"], TASK, assignments={"sft": ["data.source=here"]})
    write_runs(tmp_path, ["sft"], TASK, seeds=(1,), assignments={"sft": ["data.source=there"]})
    assert [(one.name, one.seeds) for one in board_of(tmp_path).systems] == [("sft", [0, 1])]


def test_of_two_grids_the_one_with_all_weights_is_the_usual_one(tmp_path):
    """Kept weights make no other system; with one system of each, the defaults decide."""
    lora = ["model.adapter=lora", "train.lr=auto", "train.lr_grid=[1e-3,1e-2]"]
    whole = ["train.lr=auto", "train.lr_grid=[5e-4,1e-3]", "train.keep_weights=false"]
    for number, given in enumerate((lora, whole)):
        write_runs(tmp_path / str(number), ["sft"], TASK, assignments={"sft": given})
    assert [one.name for one in board_of(tmp_path).systems] == [
        "sft", "sft (adapter=lora, lr_grid=[0.001, 0.01])"
    ]  # fmt: skip


def backbone(weights, reasoner=None):
    second = BackboneInfo(name="small", fingerprint=reasoner)
    return {"backbone": ModelInfo(name="tiny", fingerprint=weights, reasoner=second)}


def plugins(**files):
    return {"inputs": Inputs(plugins=files)}


@pytest.mark.parametrize(
    ("first", "second", "what", "found", "expected"),
    [
        (plugins(mine="a" * 64), plugins(mine="b" * 64),
         "the files of plugins (inputs.plugins)", f"mine {'b' * 12}", f"mine {'a' * 12}"),
        (plugins(mine="a" * 64), plugins(),
         "the files of plugins (inputs.plugins)", "no plugin", f"mine {'a' * 12}"),
        (backbone("1" * 16), backbone("2" * 16),
         "the backbone's weights (backbone.fingerprint)", "2" * 16, "1" * 16),
        (backbone("1" * 16, "3" * 16), backbone("1" * 16, "4" * 16),
         "the reasoner's weights (backbone.reasoner.fingerprint)", "4" * 16, "3" * 16),
    ],
)  # fmt: skip
def test_seeds_of_another_plugin_or_other_weights_are_no_seeds_of_one_system(
    tmp_path, first, second, what, found, expected
):
    (one,) = write_runs(tmp_path, ["mine"], TASK, seeds=(0,), changes=first)
    (other,) = write_runs(tmp_path, ["mine"], TASK, seeds=(1,), changes=second)
    with pytest.raises(DataError) as error:
        board_of(tmp_path)
    assert str(error.value) == (
        f"mine, same settings: runs differ in {what}\n"
        f"  found     {found} in {other}\n"
        f"  expected  {expected}, as in {one}: training seeds of one system\n"
        "  mend      compare them apart, or run the older one again"
    )
    # apart, each is a board
    assert [board_of(folder).systems[0].seeds for folder in (one, other)] == [[0], [1]]


def test_what_older_records_do_not_have_is_no_difference(tmp_path):
    for seed, changes in enumerate(
        (
            {"inputs": None, **backbone(None)},
            {**plugins(mine="a" * 64), **backbone("1" * 16, "3" * 16)},
            {**plugins(mine="a" * 64), **backbone("1" * 16)},
        )
    ):
        write_runs(tmp_path, ["mine"], TASK, seeds=(seed,), changes=changes)
    assert [one.seeds for one in board_of(tmp_path).systems] == [[0, 1, 2]]
