"""Damaged rows, predictions, records, submissions and settings: accepted, or refused by name."""

import pytest

from benchmarks import fuzz
from benchmarks.fuzz_kinds import KINDS
from harness.errors import DataError


@pytest.mark.parametrize("kind", KINDS)
def test_forty_damaged_inputs(kind, capsys):
    assert fuzz.main(["--only", kind, "--cases", "40"]) == 0, capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_thousand_damaged_inputs(kind, capsys):
    assert fuzz.main(["--only", kind, "--cases", "2000"]) == 0, capsys.readouterr().out


def test_a_fault_is_counted_and_shown(monkeypatch, capsys):
    def broken(folder):
        def case(draw):
            if draw.random() < 0.5:
                raise KeyError("inside")
            raise DataError("refused")

        return lambda draw: None if isinstance(draw, fuzz.Whole) else case(draw)

    monkeypatch.setattr(fuzz, "KINDS", {"rows": broken})
    assert fuzz.main(["--cases", "20", "--only", "rows"]) == 1
    out = capsys.readouterr().out
    assert "× KeyError at ?: \"'inside'\" (case " in out
    assert fuzz.main(["--cases", "20", "--markdown", "--only", "rows"]) == 1
    assert "| rows | 20 | 0 | " in capsys.readouterr().out
