"""Libraries say nothing, whether they are imported before the command or by it."""

from __future__ import annotations

import subprocess
import sys

import datasets
import pytest
import transformers

from harness.engine.quiet import quiet_libraries


def test_libraries_that_are_imported_are_silenced():
    datasets.enable_progress_bars()
    transformers.utils.logging.set_verbosity_info()
    quiet_libraries()
    assert datasets.are_progress_bars_disabled()
    assert transformers.utils.logging.get_verbosity() == transformers.logging.ERROR


def test_every_command_silences_them_first(call):
    datasets.enable_progress_bars()
    assert call("list", "presets")[0] == 0
    assert datasets.are_progress_bars_disabled()


def shown(code: str) -> list[str]:
    words = [sys.executable, "-c", f"from harness.engine.quiet import quiet_libraries\n{code}"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


def test_none_is_imported_to_be_silenced():
    heavy = "{'torch', 'transformers', 'datasets'}"
    assert not shown(f"quiet_libraries()\nimport sys; print(*{heavy} & set(sys.modules))")


@pytest.mark.slow
def test_what_is_imported_later_is_silent_too():
    code = """
quiet_libraries()
import datasets, transformers
print(datasets.are_progress_bars_disabled(), transformers.utils.logging.is_progress_bar_enabled())
print(transformers.utils.logging.get_verbosity(), datasets.logging.get_verbosity())
"""
    assert shown(code) == ["True", "False", "40", "40"]
