"""One line of meaning for each registered name, without importing it."""

import importlib
import sys

import pytest

from harness.inputs.meaning import meaning_of
from harness.registry import BUILT_IN


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in BUILT_IN.items() for name in names]
)
def test_every_built_in_name_has_a_meaning(kind, name):
    meaning = meaning_of(kind, BUILT_IN[kind][name])
    assert meaning.endswith((".", "?"))
    assert "\n" not in meaning


def test_docstrings_of_classes_values_and_modules(tmp_path, monkeypatch):
    source = '"""The module.\n\nMore."""\nclass A:\n    """A class,\n    in two lines."""\n'
    source += 'B = 1\n"""A value."""\nC = 2\nclass D: ...\nraise RuntimeError("was imported")\n'
    (tmp_path / "some_plugin.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    found = {name: meaning_of("metric", f"some_plugin:{name}") for name in "ABCD"}
    assert found == {
        "A": "A class, in two lines.", "B": "A value.", "C": "The module.", "D": "The module.",
    }  # fmt: skip
    assert meaning_of("method", "some_plugin:A") == "The module."
    assert meaning_of("metric", "no_such_module:A") == ""
    assert "some_plugin" not in sys.modules
