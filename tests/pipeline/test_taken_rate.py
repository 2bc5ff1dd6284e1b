"""A learning rate that another seed chose: taken only as long as that choice stands."""

import json
import shutil

import pytest

from harness.errors import UsageError
from harness.inputs.finished import finished
from harness.pipeline.single import run
from harness.progress import Bars
from harness.record import RECORD
from tests.support.edits import replace_weights
from tests.support.runs import edit_record, settings
from tests.support.world import World

AUTO = (
    "train.lr=auto", "train.lr_grid=[1e-3,1e-2]", "train.lr_trial_epochs=1", "train.epochs=1",
    "train.lr_trial_seed=1", "eval.likelihood=false", "eval.authors=false",
)  # fmt: skip
OTHER = 5e-3


@pytest.fixture
def make(tmp_path, reviews, backbone):
    """Makes sft with a seed that chooses (1) or takes (0) its rate."""
    shutil.copytree(backbone, tmp_path / "world" / "backbone")

    def make(seed, *more, until=None):
        chosen = asked(tmp_path, reviews, seed, *more)
        return run(chosen, "sft", tmp_path / "results", until=until, bars=Bars())

    return make


def asked(tmp_path, reviews, seed, *more):
    return settings(reviews, tmp_path / "world" / "backbone", "sft", *AUTO, *more, seed=seed)


def choose_again(folder):
    """Edit the record of the seed that chooses, as if it had run again and chosen another rate."""
    record = json.loads((folder / RECORD).read_text("utf-8"))
    edit_record(folder, training={**record["training"], "lr": OTHER})


def test_a_rate_that_was_chosen_with_other_weights_is_refused(tmp_path, make, monkeypatch):
    chosen = make(1)
    replace_weights("backbone")(World(tmp_path / "world", tmp_path), monkeypatch)
    outdated = r"outdated run of seed 1 .*\(backbone model.safetensors changed\)[^.]*\. Run seed 1"
    with pytest.raises(UsageError, match=outdated):
        make(0)
    assert make(1).folder == chosen.folder
    assert make(0).record.training.lr == make(1).record.training.lr


def test_a_rate_whose_inputs_are_unknown_is_refused(make):
    edit_record(make(1).folder, inputs=None)
    with pytest.raises(UsageError, match=r"outdated run of seed 1 .*record does not list inputs"):
        make(0)


@pytest.mark.parametrize("until", ["trained", "generated", None])
def test_after_another_choice_the_other_seeds_train_again(tmp_path, reviews, make, until, capsys):
    chosen = make(1)
    old = make(0, until=until)
    assert make(0, until=until).record.training.curve == old.record.training.curve
    choose_again(chosen.folder)
    shown = asked(tmp_path, reviews, 0), "sft", [], tmp_path / "results"
    assert finished(*shown) is None
    again = make(0)
    said = " ".join(capsys.readouterr().err.split())
    reason = "code, packages or learning rate" if until == "trained" else "learning rate of s1-"
    assert reason in said
    assert "changed changed" not in said
    assert not again.repeated
    assert again.record.training.lr == OTHER != old.record.training.lr
    assert make(0).repeated
    assert finished(*shown) is not None


def test_weights_of_another_rate_are_not_adopted(make):
    more = "eval.slices=[0,9]"
    make(1), make(0)
    choose_again(make(1, more).folder)
    other = make(0, more).record.training
    assert (other.lr, other.reused_from) == (OTHER, None)
