"""harness run --config: one file for several runs, and a file that repeats a run."""

import pytest

from harness.record import read_record
from harness.settings import RUN_FILE

FILE = """\
methods = ["rag", "flythinker"]
seeds = [0, 1]
out = "{out}"

[data]
source = "{data}"
limit = 2
train_limit = 2

[model]
backbone = "{backbone}"

[budget]
profile = 80

[train]
lr = 1e-3
epochs = 1

[decode]
max_new_tokens = 8

[eval]
metrics = ["bleu", "rouge1"]
resamples = 100
floors = false
controls = "all"

[method]
lam = 0.25
"""


@pytest.fixture
def written(tmp_path, reviews, backbone):
    def go(text=FILE, name="runs.toml"):
        path = tmp_path / name
        filled = text.replace("{out}", str(tmp_path / "out")).replace("{data}", str(reviews))
        path.write_text(filled.replace("{backbone}", str(backbone)))
        return path

    return go


def records(folder):
    return [read_record(path.parent) for path in sorted(folder.rglob("record.json"))]


def test_a_file_of_several_runs_and_the_file_that_each_leaves(call, tmp_path, written):
    code, out, err = call("run", "--config", written())
    assert code == 0, err
    assert "flythinker on product_review · mini · seed 1" in out
    found = records(tmp_path / "out")
    assert [(one.method, one.seed) for one in found] == [
        ("flythinker", 0), ("flythinker", 1), ("rag", 0),
    ]  # fmt: skip
    assert [one.settings["method"] for one in found] == [{"lam": 0.25}, {"lam": 0.25}, {}]
    assert found[0].controls is not None  # thought replacement goes to methods with thoughts
    assert found[2].settings["eval"]["controls"] == []
    # each run's own file repeats it: shown from its folder, and the same name elsewhere
    for one in found:
        folder = tmp_path / "out" / one.task / one.method / one.run_id
        code, out, err = call("run", "--config", folder / RUN_FILE)
        assert (code, "already complete" in out) == (0, True), err
    _, _, err = call("run", "--config", folder / RUN_FILE, "--out", tmp_path / "else")
    assert [one.run_id for one in records(tmp_path / "else")] == [found[2].run_id], err


def test_options_override_the_file(call, tmp_path, written):
    words = ("--method", "rag", "--seeds", "3", "--limit", "1", "--set", "budget.profile=60")
    code, _, err = call("run", "--config", written(), "--out", tmp_path / "own", *words)
    assert code == 0, err
    (one,) = records(tmp_path / "own")
    assert (one.method, one.seed, one.n.planned) == ("rag", 3, 1)
    assert one.setting("budget.profile") == 60
    assert one.setting("train.lr") == 1e-3


def test_a_plugin_is_in_the_file_that_its_run_leaves(call, tmp_path, written):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from harness.method import Method\n\n\nclass Mine(Method):\n    name = 'mine'\n"
        "    trains = False\n"
    )
    start = FILE.replace('["rag", "flythinker"]', '"mine"\nplugins = "{plugin}"')
    text = start.partition("[method]")[0].replace("{plugin}", str(plugin))
    code, _, err = call("run", "--config", written(text.replace('controls = "all"\n', "")))
    assert code == 0, err
    left = next((tmp_path / "out").rglob(RUN_FILE))
    code, out, _ = call("run", "--config", left)
    assert (code, "already complete" in out) == (0, True)


WRONG = [
    ("[method]\nlam = 0.25", "[method]\nlamm = 0.25", "line 30: method.lamm: none of rag,"),
    ('["rag", "flythinker"]', '"flythinker"\nmethod.lamm = 1\n', "line 2, options of flythinker:"
     " unknown key 'lamm'. Did you mean 'lam'?"),
    ("[0, 1]", "[0, 0]", "line 2: seeds = [0, 0]; expected different whole numbers from 0"),
    ('methods = ["rag", "flythinker"]', "", "no method; expected a line such as methods ="),
    ("epochs", "epoch", "line 18: unknown key 'train.epoch'. Did you mean 'train.epochs'?"),
    ('"rag"', '"rga"', "no method 'rga'. Did you mean 'rag'?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_a_wrong_file_is_refused_before_any_run(call, written, old, new, message):
    text = FILE if "[method]" in old else FILE.partition("[method]")[0]
    code, _, err = call("run", "--config", written(text.replace(old, new)))
    assert (code, message in err) == (2, True), err


def test_an_option_of_no_method_of_the_file_is_refused_whichever_is_chosen(call, written):
    # lam belongs to flythinker, which the file lists: rag runs without it, as above
    path = written(FILE.replace("lam = 0.25", "lam = 0.25\nlamm = 1"))
    for method in ("rag", "flythinker", "nonpers"):
        code, _, err = call("run", "--config", path, "--method", method)
        assert (code, "line 31: method.lamm: none of " in err) == (2, True), err


def test_an_option_may_be_of_a_listed_method_that_is_not_installed(call, written):
    text = FILE.replace('["rag", "flythinker"]', '["rag", "elsewhere"]')
    assert '"elsewhere"' in text
    text = text.replace('controls = "all"', "")
    code, _, err = call("run", "--config", written(text), "--method", "rag", "--dry-run")
    assert code == 0, err


def test_neither_a_method_nor_a_file(call):
    code, _, err = call("run")
    assert (code, "expected --method NAME (`harness list methods`) or --config" in err) == (2, True)
