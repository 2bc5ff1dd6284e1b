"""The help of every verb, as a newcomer reads it on a terminal of 80 columns."""

import re

import click
import pytest
import typer

from harness.cli import app

ROOT = typer.main.get_command(app)


def verbs(command, path=("harness",)):
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        yield from verbs(each, (*path, name))


VERBS = {" ".join(path): command for path, command in verbs(ROOT)}


def page(name):
    command = VERBS[name]
    return command.get_help(click.Context(command, info_name=name, terminal_width=80))


def test_all_verbs_are_found():
    assert {"harness run", "harness doctor", "harness leaderboard submit"} <= set(VERBS)


@pytest.mark.parametrize("name", VERBS)
def test_a_help_page_says_all_of_it(name):
    text = page(name)
    assert text.startswith(f"Usage: {name}")
    assert not re.search(r"\w\.\.\.$", text, re.MULTILINE), "a verb's line is cut short"
    assert "--no-" not in text.replace("--no-prompt", "").replace("--no-texts", "")
    assert not re.search(r"<\w", text), "a value is called by its type in Python"
    assert "[default: " not in text.replace("[default: prompt]", "")  # they read `; default X`


def test_set_says_where_its_keys_are():
    assert "any setting, e.g. train.epochs=1 (see `harness list presets`)" in " ".join(
        page("harness run").split()
    )
