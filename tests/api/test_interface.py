"""What the package offers to Python: its names, its stub, and what it does not depend on."""

from pathlib import Path

import pytest

import harness


def test_a_name_that_the_harness_lacks():
    assert {"run", "load_runs", "compare"} <= set(dir(harness))
    with pytest.raises(AttributeError, match="no attribute 'runs'"):
        harness.runs  # noqa: B018


def test_the_interface_is_no_part_of_the_code_that_results_depend_on():
    from harness.inputs.imports import closure

    assert "harness" in closure(["baselines.sft"])
    assert not [name for name in closure(["baselines.sft"]) if name.startswith("harness.api")]


def test_the_stub_lists_what_the_package_offers():
    stub = Path(harness.__file__).with_suffix(".pyi").read_text()
    assert all(f"import {name} as {name}\n" in stub for name in harness.__all__)
