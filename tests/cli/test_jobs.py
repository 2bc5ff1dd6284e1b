"""Options become settings."""

import pytest

from harness.cli.jobs import settings_for
from harness.cli.options import RunOptions


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (RunOptions(), None),
        (RunOptions(limit=6), None),  # val belongs to training, whose weights other runs reuse
        (RunOptions(limit=6, train_limit=8), 8),
        (RunOptions(train_limit=8, set_=["data.val_limit=3"]), 3),
        (RunOptions(train_limit=8, set_=["data.val_limit=none"]), None),
        (RunOptions(preset="smollm2", data="hub", train_limit=64), 16),  # the preset's own is 16
        (RunOptions(preset="smollm2", data="hub", train_limit=8), 8),
    ],
)
def test_a_limit_on_training_limits_val_too(options, expected):
    assert settings_for(options, "sft", None).data.val_limit == expected
