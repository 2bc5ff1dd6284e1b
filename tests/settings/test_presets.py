"""Presets: what one takes from another, and what the screen says about them."""

import pytest

from harness.settings import PRESETS, about_preset, build_settings


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_gives_settings(name):
    assert build_settings(name, ["data.source=hub"]).preset == name


def test_mini_long_is_mini_with_a_longer_training():
    short, long = (build_settings(name) for name in ("mini", "mini-long"))
    assert long.train.epochs > short.train.epochs
    same = {"preset", "train"}
    assert short.model_dump(exclude=same) == long.model_dump(exclude=same)


def test_the_short_preset_says_where_the_published_numbers_come_from():
    assert "published numbers are of --preset mini-long" in about_preset("mini")
    assert about_preset("mini-long") == about_preset("a preset of a plugin's test") == ""
