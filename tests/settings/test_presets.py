"""Presets are valid settings."""

import pytest

from harness.settings import PRESETS, build_settings


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_gives_settings(name):
    assert build_settings(name, ["data.source=hub"]).preset == name
