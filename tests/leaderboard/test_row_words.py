"""Settings, commands and paths as a row publishes them."""

import pytest

from harness.errors import DataError
from harness.leaderboard.row import _setting, public_command
from harness.settings import RunSettings
from harness.settings.flat import flat, nested


def test_settings_go_flat_and_back():
    settings = RunSettings(method={"lam": 0.2})
    dumped = settings.model_dump(mode="json")
    assert dict(flat(dumped))["method.lam"] == 0.2
    assert RunSettings.model_validate(nested(dict(flat(dumped)))) == settings


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("run --data /home/me/data --out ../x/results", "run --data data --out results"),
        ("--data=~/corpora/reviews", "--data=reviews"),
        ("--set model.backbone=./models/mine", "--set model.backbone=mine"),
        ("--backbone Qwen/Qwen2.5-3B-Instruct", "--backbone Qwen/Qwen2.5-3B-Instruct"),
        ("--set train.lr=1e-3 and/or", "--set train.lr=1e-3 and/or"),
        ("--data '/home/alice/my data' --seed 1", "--data 'my data' --seed 1"),
        ("'--data=/home/alice/her own/data'", "--data=data"),
        ("--set 'data.source=/home/alice/my data'", "--set 'data.source=my data'"),
        ("--set 'data.source=\"/home/alice/my data\"'", "--set 'data.source=\"my data\"'"),
        ('--plugin "/home/alice\'s files/mine.py"', "--plugin mine.py"),
        (
            """--set 'eval.metrics=["bleu","/home/a b/one","evaluate:/home/a b/two"]'""",
            """--set 'eval.metrics=["bleu","one","evaluate:two"]'""",
        ),
        ("--link https://example.org/a/b", "--link https://example.org/a/b"),
    ],
)
def test_local_folders_are_removed(text, kept):
    assert public_command(text) == kept


def test_a_command_that_no_shell_can_parse_is_refused():
    with pytest.raises(
        DataError, match="No closing quotation; expected one that a shell can parse"
    ):
        public_command("run --data '/home/alice")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("/home/alice/my data", "my data"),
        ("../her own/data", "data"),
        ("Rate 3/5 and/or say why.", "Rate 3/5 and/or say why."),
        (["bleu", "evaluate:/home/alice/my metrics/one"], ("bleu", "evaluate:one")),
        (0.5, 0.5),
    ],
)
def test_settings_keep_only_the_last_name_of_a_path(value, kept):
    assert _setting(value) == kept
