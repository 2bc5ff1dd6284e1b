"""The help of every verb, as a newcomer reads it on a terminal of 80 columns."""

import re

import click
import pytest
import typer

from harness.cli import app
from harness.registry import table

ROOT = typer.main.get_command(app)


def verbs(command, path=("harness",)):
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        yield from verbs(each, (*path, name))


VERBS = {" ".join(path): command for path, command in verbs(ROOT)}


def page(name):
    command = VERBS[name]
    return command.get_help(click.Context(command, info_name=name))


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def test_all_verbs_are_found():
    assert {"harness run", "harness doctor", "harness leaderboard submit"} <= set(VERBS)


@pytest.mark.parametrize("name", VERBS)
def test_a_help_page_says_all_of_it(name):
    text = page(name)
    assert text.startswith(f"Usage: {name}")
    assert not re.search(r"^ .*\.\.\.$", text, re.MULTILINE), "a verb's line is cut short"
    assert "--no-" not in text.replace("--no-prompt", "").replace("--no-texts", "")
    assert not re.search(r"<\w", text), "a value is called by its type in Python"
    assert "[default: " not in text.replace("[default: prompt]", "")  # they read `; default X`


def test_set_says_where_its_keys_are():
    assert "any setting, e.g. train.epochs=1 (see `harness list presets`)" in " ".join(
        page("harness run").split()
    )


@pytest.mark.parametrize("name", ["harness bench", "harness ablate"])
def test_a_verb_names_every_built_in_task_that_it_takes(name):
    text = page(name)
    assert not [task for task in table("task") if task not in text]


def test_the_data_may_be_of_every_format():
    assert not [name for name in VERBS if "folder of JSON Lines" in " ".join(page(name).split())]


def test_an_empty_text_is_no_default_to_show():
    options = [(name, option) for name in VERBS for option in VERBS[name].params]
    assert not [
        each for each in options if (getattr(each[1], "help", "") or "").endswith("default ")
    ]
