"""How typer reads a verb: parameters are options, and the docstring is their help."""

from dataclasses import dataclass

import pytest
from typer import Typer
from typer.testing import CliRunner

from harness.cli.options import Verb, command, help_of


@dataclass(frozen=True)
class Shared:
    """Options of several verbs.

    Args:
        needed: a name
        many (KEY=VALUE): may be
            repeated
    """

    needed: str
    many: list[str] | None = None


def verb(run: str, /, shared: Shared, size_: int = 3, texts: bool = True, json_: bool = False):
    """Do it. At once.

    Args:
        run: a folder
        size_: of the thing
        texts: print them
    """
    print(run, shared, size_, texts, json_)


@pytest.fixture
def call():
    app = Typer(rich_markup_mode=None)
    app.command(cls=Verb)(command(verb))
    return lambda *words: CliRunner().invoke(app, list(words), env={"COLUMNS": "100"})


def test_a_verb_gets_its_arguments_its_options_and_their_groups(call):
    words = ["folder", "--needed", "x", "--many", "a=1", "--many", "b=2", "--size", "4", "--json"]
    done = call(*words, "--no-texts")
    shared = "Shared(needed='x', many=['a=1', 'b=2'])"
    assert done.stdout == f"folder {shared} 4 False True\n"
    assert call("folder", "--needed", "x").stdout.endswith("many=None) 3 True False\n")


def test_a_field_without_a_default_is_a_required_option(call):
    done = call("folder")
    assert done.exit_code == 2
    assert "Missing option '--needed'" in done.output


def test_the_docstring_is_the_help(call):
    shown = " ".join(call("--help").stdout.split())
    assert "Do it. At once. Arguments: RUN a folder [required]" in shown
    assert "--needed TEXT a name [required] --many KEY=VALUE may be repeated" in shown
    assert "--size N of the thing; default 3 --texts / --no-texts print them" in shown
    assert "--json print one JSON document" in shown  # what every verb says of it
    assert "Args" not in shown


def test_an_option_without_a_help_is_an_error():
    def silent(size: int = 1):
        """Do it."""

    with pytest.raises(KeyError, match="size"):
        command(silent)
    assert help_of(silent) == ("Do it.", {})
