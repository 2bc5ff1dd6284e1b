"""Pages name files, pages, options and settings that exist."""

import re
import tomllib
from pathlib import Path

import pytest
import typer

from harness.cli import app
from harness.settings import RunSettings
from tests.support.page_commands import commands

ROOT = Path(__file__).resolve().parents[1]
OTHERS = ("README.md", "CONTRIBUTING.md", "examples/README.md", "leaderboards/README.md")
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / name for name in OTHERS)])
ROOMS = r"(?:harness|flythinker|baselines|benchmarks|tests|docs|examples|leaderboards)/[\w/.-]+"
OWN = rf"`({ROOMS})`|(?<![\w/.`#=:-])({ROOMS}\.(?:py|md|toml|json|sh))\b"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page):
    text = page.read_text(encoding="utf-8")
    named = {quoted or plain for quoted, plain in re.findall(OWN, text)}
    missing = {name for name in named if not (ROOT / name).exists()}
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    missing |= {link for link in links if not (page.parent / link).exists()}
    missing = {name for name in missing if "TASK" not in name}  # a pattern
    assert missing <= {"leaderboards/page/"}  # built, not kept


def test_the_table_of_extras_is_that_of_the_package():
    table = (ROOT / "docs/install.md").read_text("utf-8").partition("| extra | for |")[2]
    named = re.findall(r"^\| `(\w+)` \|", table.partition("\n\n")[0], re.MULTILINE)
    package = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert set(named) == set(package["project"]["optional-dependencies"])


def test_the_page_of_plugins_names_the_verbs_that_take_one():
    page = (
        (ROOT / "docs/plugins.md").read_text("utf-8").partition("`--plugin my_metric.py` (for")[2]
    )
    board = typer.main.get_command(app).commands["leaderboard"]
    verbs = {**typer.main.get_command(app).commands, **board.commands}
    takes = {
        name for name, verb in verbs.items() if "--plugin" in str([p.opts for p in verb.params])
    }
    assert set(re.findall(r"`(\w+)`", page.partition(")")[0])) == takes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_have_the_options_that_they_use(page):
    """Parsed, not run: `harness run --method all` would train six models."""
    program = typer.main.get_command(app)
    for words in commands(page.read_text(encoding="utf-8")):
        verb, given = program, words[1:]
        if words[0] != "harness":
            continue
        while hasattr(verb, "commands") and given and not given[0].startswith("-"):
            assert given[0] in verb.commands, f"{page.name}: {' '.join(words)}: no verb {given[0]}"
            verb, given = verb.commands[given[0]], given[1:]
        known = {name for option in verb.params for name in option.opts + option.secondary_opts}
        used = {word for word in given if word.startswith("--")}
        assert used <= known | {"--help"}, f"{page.name}: {' '.join(words)}"
        for setting in [given[at + 1] for at, word in enumerate(given[:-1]) if word == "--set"]:
            section, _, key = setting.partition("=")[0].partition(".")
            options = RunSettings.model_fields[section].annotation
            if hasattr(options, "model_fields"):  # a method's options are its own
                assert key.partition(".")[0] in options.model_fields, f"{page.name}: {setting}"
