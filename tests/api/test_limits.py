"""`train_limit` from Python is --train-limit: it limits val too."""

import pytest

from harness.api.running import _settings
from harness.cli.jobs import settings_for
from harness.cli.options import RunOptions

HUB = {"data": "hub"}


@pytest.mark.parametrize(
    ("preset", "options", "settings", "expected"),
    [
        ("mini", {"limit": 6}, {}, None),
        ("mini", {"train_limit": 8}, {}, 8),
        ("mini", {"train_limit": "8"}, {}, 8),
        ("mini", {"train_limit": 8}, {"data.val_limit": 3}, 3),
        ("mini", {"train_limit": 8}, {"data.val_limit": None}, None),
        ("mini", {"train_limit": 8, "data": {"val_limit": 9}}, {}, 9),
        ("smollm2", {"train_limit": 64, **HUB}, {}, 16),  # the preset's own is 16
        ("smollm2", {"train_limit": 8, **HUB}, {}, 8),
        ("smollm2", {"train_limit": "8", **HUB}, {}, 8),
    ],
)
def test_a_limit_on_training_limits_val_too(preset, options, settings, expected):
    assert _settings(preset, options, settings).data.val_limit == expected


def test_the_limit_of_a_preset_file_may_be_quoted(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("data: {val_limit: '5'}\n")
    assert _settings(str(path), {"train_limit": 8}, {}).data.val_limit == 5
    options = RunOptions(preset=str(path), train_limit=8)
    assert settings_for(options, "sft", None).data.val_limit == 5


@pytest.mark.parametrize("option", [{"train_limit": 8}, {"limit": 2, "train_limit": 3}])
def test_a_run_has_one_name_from_both(option):
    command = settings_for(RunOptions(**option), "sft", None)
    assert _settings("mini", option, {}).digest() == command.digest()
