"""Run files: what they hold, what a wrong one is answered, and the one that a run leaves."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.settings import (
    PRESETS,
    RunSettings,
    build_settings,
    load_preset,
    read_run_file,
    run_file_text,
    validate,
)
from harness.settings.lines import toml_lines, yaml_lines

TOML = """\
methods = ["sft", "flythinker"]
tasks = "product_review"
seeds = [0, 1]

[train]
lr = 1e-3
epochs = 2

[method]
lam = 0.2
concurrent = "none"
"""
YAML = """\
methods: [sft, flythinker]
tasks: product_review
seeds: [0, 1]
train:
  lr: 1e-3
  epochs: 2
method:
  lam: 0.2
  concurrent: null
"""


def written(folder: Path, text: str, name: str = "run.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(("name", "text"), [("run.toml", TOML), ("run.yaml", YAML)])
def test_both_formats_say_the_same(tmp_path, name, text):
    (block,) = read_run_file(written(tmp_path, text, name))
    assert block.what.methods == ("sft", "flythinker")
    assert (block.what.tasks, block.what.seeds) == (("product_review",), (0, 1))
    assert block.preset is None
    assert block.values == {
        "train": {"lr": 1e-3, "epochs": 2}, "method": {"lam": 0.2, "concurrent": None},
    }  # fmt: skip
    assert block.place("train.epochs").endswith(f"{name} line {7 if name == 'run.toml' else 6}")


def test_each_of_runs_builds_on_what_stands_above(tmp_path):
    text = 'methods = "sft"\ntrain.lr = 1e-3\n[[runs]]\n[runs.train]\nepochs = 1\n[[runs]]\n'
    text += 'methods = "rag"\ntrain.epochs = 3\n'
    one, other = read_run_file(written(tmp_path, text))
    assert (one.what.methods, other.what.methods) == (("sft",), ("rag",))
    assert one.values == {"train": {"lr": 1e-3, "epochs": 1}}
    assert other.values == {"train": {"lr": 1e-3, "epochs": 3}}
    assert one.place("train.epochs").endswith("line 5")
    assert other.place("train.epochs").endswith("line 8")
    assert other.place("train.lr").endswith("line 2")


WRONG = [
    ("[train]\nepoch = 1", "line 2: unknown key 'train.epoch'. Did you mean 'train.epochs'?"),
    ("method_s = 1", "line 1: unknown key 'method_s'. Did you mean 'methods'?"),
    ('task = "a"\nseedss = [1]', "line 2: unknown key 'seedss'. Did you mean 'seeds'?"),
    ("\n[train]\nlr = -1", "line 3: train.lr = -1; expected a number greater than 0 or 'auto'"),
    ('seeds = "a"', "line 1: seeds.0 = 'a'; expected a valid integer"),
    ('method = "sft"', 'line 1: method = "sft"; [method] holds the method\'s own options. Write'
                       ' methods = "sft"'),
    ("[[runs]]\n[runs.train]\nepochs = 0", "line 3: train.epochs = 0; expected a number greater"),
    ("runs = 3", "line 1: runs = 3; expected a [[runs]] table"),
    ("seed = " + "9" * 5_000, "not TOML: Exceeds the limit"),
    ("a = " + "[" * 5_000, "not TOML: "),
    ("a = ", "not TOML: Invalid value (at end of document); expected lines like"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_wrong_file_is_named_with_its_line(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_run_file(path)
    assert f"{path}" in str(caught.value)
    assert message in str(caught.value)


BOMB = "a0: &a0 [1]\n" + "".join(
    f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]\n" for at in range(1, 7)
)
"""Sixty values whose aliases stand for more than a million."""
YAML_WRONG = [
    ("train:\n  epoch: 1", "line 2: unknown key 'train.epoch'. Did you mean 'train.epochs'?"),
    ("seed: 1\nseed: 2", "seed is given on lines 1 and 2; expected it once"),
    ("- a", "found list; expected lines like task: a"),
    ("a: 1\nb: [", "line 2: not YAML: expected the node content, but found '<stream end>'"),
    ("a: " + "[" * 5_000, "not YAML: "),
    ("seed: &x [*x]", "not YAML: "),
    (BOMB, "not YAML: 2,345,679 values with its aliases; at most 10,000"),
]


@pytest.mark.parametrize(("text", "message"), YAML_WRONG)
def test_so_is_a_wrong_yaml_file(tmp_path, text, message):
    with pytest.raises(UsageError) as caught:
        read_run_file(written(tmp_path, text, "run.yml"))
    assert message in str(caught.value)


def test_a_file_that_is_no_run_file(tmp_path):
    with pytest.raises(UsageError, match=r"expected a file whose name ends in \.toml"):
        read_run_file(tmp_path / "run.json")
    with pytest.raises(UsageError, match="No such file"):
        read_run_file(tmp_path / "run.toml")
    (tmp_path / "latin.toml").write_bytes(b'task = "\xe9"')
    with pytest.raises(UsageError, match="not UTF-8 at byte 8"):
        read_run_file(tmp_path / "latin.toml")


def test_yaml_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(UsageError, match="pip install pyyaml, or use TOML"):
        read_run_file(written(tmp_path, "seed: 1", "run.yaml"))


def test_ones_own_preset_changes_a_preset(tmp_path):
    lab = written(tmp_path, 'preset = "mini"\n[train]\nepochs = 1', "lab.toml")
    quick = written(tmp_path, 'preset = "lab.toml"\n[data]\nlimit = 2', "quick.toml")
    settings = build_settings(str(quick), ["train.lr=0.5"])
    plain = build_settings("mini")
    assert (settings.train.epochs, settings.data.limit, settings.train.lr) == (1, 2, 0.5)
    assert settings.preset == "mini"  # so that its name says what it is made of
    assert settings.decode == plain.decode
    (block,) = read_run_file(written(tmp_path, 'methods = "sft"\npreset = "lab.toml"'))
    assert block.preset == str(lab)


PRESET_WRONG = [
    ('methods = "sft"', "line 1: methods is no setting of a preset. Put it in a run file"),
    ("seed = 1", "line 1: seed is no setting of a preset"),
    ("[[runs]]", "line 1: a preset holds settings, no runs"),
    ('preset = "own.toml"', "a preset that builds on itself"),
    ('preset = "minni"', "no preset 'minni'. Did you mean 'mini'? Known: mini, smollm2, paper; or"),
    ("[train]\nepoch = 1", "line 2: unknown key 'train.epoch'"),
]


@pytest.mark.parametrize(("text", "message"), PRESET_WRONG)
def test_a_file_that_is_no_preset(tmp_path, text, message):
    with pytest.raises(UsageError) as caught:
        load_preset(str(written(tmp_path, text, "own.toml")))
    assert message in str(caught.value)


ODD = [
    [],
    ["data.limit=3", "retrieval.k=none", "train.lr=auto", "train.lr_grid=1e-4,2e-3"],
    ["decode.stop=[\"\\n###\", 13]", "decode.strip=none", "eval.bleu_tokenizer=\"none\""],
    ["model.template_date=2025-01-31", "model.template_args.enable_thinking=false"],
    ["method.lam=0.25", "method.concurrent=none", "method.a.b=[1, 2]", 'method."odd key"=1'],
    ["data.source=a \"b\" \\ c\u007f \u2014 é", "eval.controls=all", "data.val_limit=1"],
]  # fmt: skip


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("assignments", ODD)
def test_the_file_that_a_run_leaves_gives_its_settings_again(tmp_path, preset, assignments):
    words = ["data.source=hub", *assignments, "data.train_limit=none"]
    settings = build_settings(preset, words, {"seed": 3, "task": "topic_writing"})
    plain = validate(RunSettings, load_preset(preset))
    text = run_file_text(settings, plain, "sft", plugins=["a.py"], out="else where")
    (block,) = read_run_file(written(tmp_path, text))
    assert (block.what.methods, block.what.plugins) == (("sft",), ("a.py",))
    assert (block.what.seed, block.what.task, block.what.out) == (3, "topic_writing", "else where")
    again = build_settings(block.preset, [], block.values)
    assert again.model_dump(mode="json") == settings.model_dump(mode="json")
    assert again.digest() == settings.digest()


def test_the_file_that_a_run_leaves_holds_only_what_differs():
    settings = build_settings("mini", ["train.epochs=1"])
    text = run_file_text(settings, build_settings("mini"), "rag")
    assert text.partition("\n")[2] == (
        'preset = "mini"\nmethods = "rag"\ntask = "product_review"\nseed = 0\n\n'
        "[train]\nepochs = 1.0\n"
    )


def test_lines_of_keys():
    text = "a = 1\nb.c = 2\n['d e'.f]\n\"g\" = 3 # x\nh = '''\n= no\n'''\n[d]\nx=1"
    found = toml_lines(text)
    assert (found["a"], found["b"], found["b.c"]) == (1, 2, 2)
    assert (found["d e.f"], found["d e.f.g"], found["d"], found["d.x"]) == (3, 4, 8, 9)
    found = yaml_lines("a: 1\nb:\n  - c: 2\n  - d: {e: 3}")
    assert (found["b"], found["b.0.c"], found["b.1.d.e"]) == (2, 3, 4)
