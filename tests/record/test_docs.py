"""docs/record.md is what the dataclasses say, and every field says what it is."""

from pathlib import Path

import pytest

from harness.record import docs

ROOT = Path(__file__).resolve().parents[2]
KINDS = [kind for file in docs.FILES for kind in docs.kinds(file)]


def test_the_page_is_up_to_date():
    told = "python -m harness.record.docs docs/record.md"
    assert (ROOT / "docs" / "record.md").read_text() == docs.page(), f"out of date: {told}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_field_has_a_meaning(kind):
    for name, _, meaning in docs.fields(kind):
        assert meaning.strip(), name


def test_a_field_without_a_docstring_is_refused(tmp_path, monkeypatch):
    (tmp_path / "bare_record.py").write_text("class Bare:\n    value: int\n")
    monkeypatch.syspath_prepend(tmp_path)
    from bare_record import Bare

    with pytest.raises(ValueError, match=r"Bare\.value: expected a docstring below it"):
        list(docs.fields(Bare))
