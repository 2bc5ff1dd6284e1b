"""A metric whose value is not the mean of its examples' values."""

import pytest

from tests.support.evaluate_script import SCRIPT


@pytest.fixture
def whole_metric(tmp_path, monkeypatch):
    """Its name: a script for the `evaluate` package that adds up the letters of all texts."""
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    script = tmp_path / "whole.py"
    script.write_text(SCRIPT.format(name="Whole", result='{"value": sum(map(len, predictions))}'))
    return f"evaluate:{script}"
