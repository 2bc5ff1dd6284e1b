"""What a wrong setting is answered: its key as `--set` has it, what was expected, the near key."""

import pytest

from baselines.options import CoconutOptions
from harness.errors import UsageError
from harness.method import NoOptions
from harness.settings import CONTROLS, build_settings, validate

WRONG = [
    ("trian.epochs=1", "settings: unknown key 'trian.epochs'. Did you mean 'train.epochs'?"),
    ("train.epoch=1", "settings: unknown key 'train.epoch'. Did you mean 'train.epochs'?"),
    ("train..epochs=1", "settings: unknown key 'train..epochs'. Did you mean 'train.epochs'?"),
    ("resamples=100", "settings: unknown key 'resamples'. Did you mean 'eval.resamples'?"),
    ("data.xyz=1", "settings: unknown key 'data.xyz'. Known: data.limit, data.mini_seed,"),
    ("lam=1", "a method's own begin with `method.` (`harness list options`)"),
    ("train=3", "settings: train = 3; expected a section: name one key of it"),
    ("method=x", "settings: method = 'x'; expected a section: name one key of it"),
    ("train.lr=abc", "settings: train.lr = 'abc'; expected a valid number or 'auto'"),
    ("train.lr=-1", "train.lr = -1; expected a number greater than 0 or 'auto'"),
    ("train.epochs=many", "settings: train.epochs = 'many'; expected a valid number"),
    ("train.lr_grid=1e-4,x", "settings: train.lr_grid.1 = 'x'; expected a valid number"),
    ("eval.slices=100,0", "eval.slices = '100,0'; slices begin at 0 and rise"),
    ("eval.lift=text", "eval.lift.0 = 'text'; expected 'likelihood' or 'texts'"),
    ("decode.strip=3", "decode.strip = 3; expected names of blocks, e.g. think"),
    ("data.source=a\udcffb", "'a\\udcffb'; expected text without half a surrogate pair"),
    ("data.setting=users", "data.setting = 'users'; expected 'user' or 'temporal'"),
]


@pytest.mark.parametrize(("assignment", "message"), WRONG)
def test_a_wrong_setting_is_reported_in_one_line(assignment, message):
    with pytest.raises(UsageError) as caught:
        build_settings("mini", [assignment])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_wrong_settings_have_a_line_each():
    with pytest.raises(UsageError) as caught:
        build_settings("mini", ["train.epochs=0", "decode.top_p=2", "train.epoch=1"])
    assert len(str(caught.value).splitlines()) == 3


def test_conflicting_settings_are_reported_without_the_whole_section():
    with pytest.raises(UsageError) as caught:
        build_settings("mini", ["eval.likelihood=false", "eval.lift=likelihood"])
    assert str(caught.value) == ('settings: eval: lift of "likelihood" needs eval.likelihood=true')


def test_a_method_without_options_says_so():
    with pytest.raises(UsageError, match=r"options of rag: .*'lam'; there are no options here"):
        validate(NoOptions, {"lam": 1}, "options of rag")
    with pytest.raises(UsageError, match=r"unknown key 'x'\. Known: analysis_tokens, curriculum,"):
        validate(CoconutOptions, {"x": 1}, "options of coconut")


def test_none_is_a_name_where_one_may_choose_it():
    given = (
        "train.sharding=none",
        "model.adapter=none",
        "eval.bleu_tokenizer=none",
        "model.base=none",
    )
    chosen = build_settings("mini", given)
    assert chosen.train.sharding == chosen.model.adapter == chosen.eval.bleu_tokenizer == "none"
    assert chosen.model.base is None


def test_a_value_that_toml_cannot_hold_is_text():
    for value in ("9" * 5_000, "[" * 5_000):
        with pytest.raises(
            UsageError, match=r"train.epochs = .{80,140}; expected a (valid|finite) number"
        ):
            build_settings("mini", [f"train.epochs={value}"])


LISTS = [
    ("eval.metrics=bleu", ("bleu",)),
    ("eval.metrics=bleu, rouge1", ("bleu", "rouge1")),
    ('eval.metrics=["bleu"]', ("bleu",)),
    ("eval.slices=0,50", (0, 50)),
    ("eval.slices=0", (0,)),
    ("train.lr_grid=1e-4,1e-3", (1e-4, 1e-3)),
    ("eval.controls=all", CONTROLS),
    ("eval.controls=own,zero", ("own", "zero")),
]


@pytest.mark.parametrize(("assignment", "value"), LISTS)
def test_a_list_is_given_with_commas_or_as_toml(assignment, value):
    found = build_settings("mini", [assignment])
    for part in assignment.partition("=")[0].split("."):
        found = getattr(found, part)
    assert found == value
