"""Values that files, options and records keep as they are: quoted text, none, true and false."""

from typing import Literal

import pytest

from harness.errors import UsageError
from harness.method import NoOptions
from harness.settings import (
    RunSettings,
    build_settings,
    load_preset,
    read_run_file,
    run_file_text,
    validate,
)
from harness.settings.section import Section
from harness.settings.sweep_file import SlurmSettings

YAML = """\
decode: {stop: ["1e3", 1e3]}
model: {revision: "12e4567"}
train: {lr: 1e-3, epochs: 1.5E0, lr_grid: [.5e-3, +1e-4]}
retrieval: {k: 1e1}
method:
  text: '2e5'
  number: 2e5
  word: 1e
  block: |-
    3e5
"""


def test_quoted_text_of_yaml_is_no_number(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(YAML)
    (block,) = read_run_file(path)
    found = build_settings("mini", (), block.values)
    assert found.decode.stop == ("1e3", 1000)
    assert found.model.revision == "12e4567"
    assert (found.train.lr, found.train.epochs) == (1e-3, 1.5)
    assert (found.train.lr_grid, found.retrieval.k) == ((0.5e-3, 1e-4), 10)
    assert found.method == {"text": "2e5", "number": 200_000, "word": "1e", "block": "3e5"}


NONE = ['method.a="none"', "method.a=none", 'method.a={ b = "none" }', 'model.reasoner="none"',
        'method.a=["none", 1]', 'method.a=[{ b = ["none"] }]',
        'retrieval.k="none"', 'data.source="none"', 'model.template_args.a="none"']  # fmt: skip


@pytest.mark.parametrize("assignment", NONE)
def test_none_is_one_thing_in_options_and_in_the_file_that_a_run_leaves(tmp_path, assignment):
    settings = build_settings("mini", [assignment])
    text = run_file_text(settings, validate(RunSettings, load_preset("mini")), "sft")
    (tmp_path / "run.toml").write_text(text)
    (block,) = read_run_file(tmp_path / "run.toml")
    assert build_settings(block.preset, (), block.values).digest() == settings.digest()


def test_none_is_a_folder_or_text_where_a_value_must_be():
    found = build_settings("mini", ['data.source="none"', 'model.template_args.a="none"'])
    assert found.data.source == found.model.template_args["a"] == "none"
    assert build_settings("mini", ['model.reasoner="none"']).model.reasoner is None


def test_none_in_a_list_of_a_method_is_no_value_in_the_file_that_a_run_leaves(tmp_path):
    given = {"a": [None, 1, {"b": [None]}]}
    settings = build_settings("mini", (), {"method": given})
    text = run_file_text(settings, validate(RunSettings, load_preset("mini")), "sft")
    (tmp_path / "run.toml").write_text(text)
    (block,) = read_run_file(tmp_path / "run.toml")
    again = build_settings(block.preset, (), block.values)
    assert again.method == settings.method == given
    assert again.digest() == settings.digest()


def test_none_in_a_list_is_a_choice_or_a_word_of_that_name_where_there_is_one():
    class Options(Section):
        kinds: tuple[Literal["none", "all"], ...] = ()
        sizes: tuple[int | None, ...] = ()
        words: tuple[str, ...] = ()

    given = {"kinds": [None, "all"], "sizes": [None, 1], "words": ["a", None]}
    found = validate(Options, given, "own")
    assert (found.kinds, found.sizes) == (("none", "all"), (None, 1))
    assert found.words == ("a", "none")


@pytest.mark.parametrize("value", [None, [None], {"b": None}])
def test_a_template_has_no_argument_without_a_value(value):
    with pytest.raises(UsageError) as caught:
        build_settings("mini", (), {"model": {"template_args": {"a": value}}})
    key = "model.template_args.a.b" if value == {"b": None} else "model.template_args.a"
    assert str(caught.value).startswith(f"settings: {key} = none; expected a value. Leave it out,")


class Own(Section):
    rate: float = 1.0
    on: bool | int = 0


TRUE = ["data.limit=true", "train.lr=true", "train.epochs=false", "train.lr_grid=[true]",
        "eval.slices=[false, 100]", "decode.stop=[true]", "seed=false"]  # fmt: skip


@pytest.mark.parametrize("assignment", TRUE)
def test_true_and_false_are_no_numbers(assignment):
    with pytest.raises(UsageError) as caught:
        build_settings("mini", [assignment])
    key, _, value = assignment.partition("=")
    said = {"true": "True", "false": "False"}.get(value, value.title())
    assert str(caught.value) == f"settings: {key} = {said}; expected a number, not true or false"


def test_nor_in_files_and_in_options_of_methods(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("data:\n  limit: yes\n")
    with pytest.raises(UsageError, match=r"line 2: data.limit = True; expected a number, not true"):
        read_run_file(path)
    path.write_text("seeds: yes\n")
    with pytest.raises(UsageError, match=r"line 1: seeds = True; expected a number, not true"):
        read_run_file(path)
    with pytest.raises(UsageError, match=r"own: rate = True; expected a number, not true or false"):
        validate(Own, {"rate": True}, "own")


def test_true_and_false_stay_where_they_are_values():
    assert validate(Own, {"on": True}, "own").on is True
    assert build_settings("mini", ["decode.strip=true"]).decode.strip == ("think",)
    assert build_settings("mini", ["method.a=true", "model.template_args.a=true"]).method["a"]
    assert validate(SlurmSettings, {"more": {"exclusive": True}}, "slurm").more["exclusive"] is True
    assert issubclass(NoOptions, Section)  # options of methods are checked like settings
