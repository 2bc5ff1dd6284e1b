"""Sweep files: which lists are values to run, and what is refused with file and line."""

import pytest

from harness.errors import UsageError
from harness.settings import read_run_file
from harness.settings.sweep_file import read_sweep_file

FILE = """\
methods = ["sft", "flythinker"]
seeds = [0, 1]

[train]
lr = [1e-3, 5e-4]
lr_grid = [1e-3, 2e-3]

[sweep]
method.lam = [0, 0.5]
train.lr_trial_seed = ["none", 0]
eval.metrics = [["bleu"], ["bleu", "rouge1"]]

[slurm]
partition = "gpu"
time = 600
more.mail-type = "FAIL"
"""


def read(tmp_path, text=FILE, name="sweep.toml"):
    path = tmp_path / name
    path.write_text(text)
    return read_sweep_file(path)


def test_a_list_is_swept_where_one_value_is_expected_and_in_the_table_sweep(tmp_path):
    found = read(tmp_path)
    (one,) = found.sets
    assert one.axes == {
        "train.lr": [1e-3, 5e-4],
        "method.lam": [0, 0.5],
        "train.lr_trial_seed": [None, 0],
        "eval.metrics": [["bleu"], ["bleu", "rouge1"]],
    }
    assert one.block.values == {"train": {"lr_grid": [1e-3, 2e-3]}}  # takes a list: one value
    assert one.block.what.seeds == (0, 1)
    assert (found.slurm.partition, found.slurm.time) == ("gpu", 600)
    assert found.slurm.more == {"mail-type": "FAIL"}


def test_every_set_of_runs_has_its_own_lists(tmp_path):
    text = 'methods = "sft"\ntrain.epochs = [1, 2]\n[[runs]]\n[[runs]]\ntrain.epochs = 3\n'
    first, second = read(tmp_path, text).sets
    assert (dict(first.axes), dict(second.axes)) == ({"train.epochs": [1, 2]}, {})
    assert second.block.values == {"train": {"epochs": 3}}


LR, GRID = "train.lr", "train.lr_grid"
REPLACED = [  # above all [[runs]], in the second one → what it sweeps, what it sets
    ("[sweep]\ntrain.lr = [1, 2]", "train.lr = 3", {}, {"lr": 3}),
    ("[train]\nlr = [1, 2]", "train.lr = 3", {}, {"lr": 3}),
    ("[sweep]\ntrain.lr = [1, 2]", "train.lr = [3, 4]", {LR: [3, 4]}, None),
    ("[train]\nlr = [1, 2]", "sweep.train.lr = [3, 4]", {LR: [3, 4]}, None),
    ("[train]\nlr = 1", "sweep.train.lr = [3, 4]", {LR: [3, 4]}, None),
    ("[sweep]\ntrain.lr_grid = [[1], [2]]", "train.lr_grid = [3, 4]", {}, {"lr_grid": [3, 4]}),
    ("[train]\nlr_grid = [1]", "sweep.train.lr_grid = [[3]]", {GRID: [[3]]}, None),
    ("[sweep]\ntrain.lr = [1, 2]", "train.lr_grid = [3]", {LR: [1, 2]}, {"lr_grid": [3]}),
]


@pytest.mark.parametrize(("above", "own", "axes", "plain"), REPLACED)
def test_a_set_of_runs_replaces_what_stands_above_it(tmp_path, above, own, axes, plain):
    text = f'methods = "sft"\n{above}\n[[runs]]\n[[runs]]\n{own}\n'
    first, second = read(tmp_path, text).sets
    assert dict(second.axes) == axes
    assert second.block.values == ({"train": plain} if plain else {})
    alone = read(tmp_path, f'methods = "sft"\n{above}\n').sets[0]
    assert (first.axes, first.block.values) == (alone.axes, alone.block.values)


def test_one_of_a_methods_options_can_be_replaced(tmp_path):
    text = 'methods = "flythinker"\n[sweep.method]\nlam = [0, 1]\nlam_warmup = [0, 0.1]\n'
    (one,) = read(tmp_path, f"{text}[[runs]]\nmethod.lam = 0.25\n").sets
    assert (dict(one.axes), one.block.values) == (
        {"method.lam_warmup": [0, 0.1]}, {"method": {"lam": 0.25}}
    )  # fmt: skip


def test_yaml_is_read_too(tmp_path):
    text = "methods: sft\ntrain:\n  lr: [1e-3, 5e-4]\n"
    assert read(tmp_path, text, "sweep.yaml").sets[0].axes == {"train.lr": [1e-3, 5e-4]}


WRONG = [
    ("lr = [1e-3, 5e-4]", "lr = [1e-3, -1]", "line 5: train.lr = -1; expected a number greater"),
    ("lr = [1e-3, 5e-4]", "lr = []", "line 5: train.lr = []; expected at least one value"),
    ("lr = [1e-3, 5e-4]", "lr = [1, 1]", "line 5: train.lr names 1 twice; expected each value"),
    ("[0, 0.5]", "0.5", "line 9: method.lam = 0.5; expected a list of values to run"),
    ("method.lam", "train.lr", "line 9: train.lr has a list here and stands at "),
    ("method.lam = [0, 0.5]", "train.lr_grid = [[1]]", "line 6 too; expected one of them"),
    ("[1e-3, 2e-3]", "[-1]", "line 6: train.lr_grid.0 = -1; expected a number greater"),
    ("method.lam", "train.epoch", "line 9: unknown key 'train.epoch'. Did you mean 'train.epochs'"),
    ("method.lam = [0, 0.5]", "data = [{limit = 1}]", "line 9: data is a section; expected one"),
    ("method.lam = [0, 0.5]", "method = [{lam = 0}]", "line 9: method is a section; expected one"),
    ("method.lam", "seeds", "line 9: sweep.seeds; write seeds = … outside [sweep]"),
    ("seeds = ", "seed = ", "line 2: seed = [0, 1]; expected one value. Use seeds"),
    ("time = 600", "tine = 600", "line 15, [slurm]: unknown key 'tine'. Did you mean 'time'?"),
    ("time = 600", "time = 0", "line 15, [slurm]: time = 0; expected a number greater"),
    ("[sweep]", "sweep = 3\n[x]", "expected a table [sweep] of lists"),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_a_wrong_file_is_refused_at_its_line(tmp_path, old, new, message):
    text = FILE.replace(old, new)
    if "sweep = 3" in new:
        text = "sweep = 3\n" + FILE.partition("[sweep]")[0]
    with pytest.raises(UsageError) as refused:
        read(tmp_path, text)
    assert message in str(refused.value)
    assert "sweep.toml" in str(refused.value)


def test_run_sends_a_file_of_a_sweep_to_the_right_command(tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text(FILE.replace("lr = [1e-3, 5e-4]", ""))
    with pytest.raises(UsageError, match=r"line 13: \[slurm\] is for sweeps; .*`harness sweep"):
        read_run_file(path)
