"""sft with the arithmetic of another method, a plugin's too."""

import pytest

from baselines.sft import Sft
from harness import registry
from harness.errors import UsageError
from harness.inputs import provenance
from harness.registry import find, register_plugins, table
from harness.settings import RunSettings

METHOD = """
from harness.method import Method

class Mine(Method):
    name, trains = "mine", True
"""


def asked(name):
    return Sft(RunSettings(method={"flops_of": name}))


def test_an_unknown_method_stops_the_run_at_once():
    with pytest.raises(UsageError, match=r"no method 'flythinkr'\. Did you mean 'flythinker'"):
        asked("flythinkr")


def test_a_method_of_a_plugin_file_is_known_and_its_source_counts(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(METHOD)
    with pytest.raises(UsageError, match="no method 'mine'"):
        asked("mine")
    brought = register_plugins([file])
    assert find("method", "mine") is brought["mine"]
    assert asked("mine").options.flops_of == "mine"
    assert file in provenance.method_sources(Sft, {"flops_of": "mine"}).values()
    assert file not in provenance.method_sources(Sft, {}).values()
    with pytest.raises(UsageError, match="a method called 'mine' exists already"):
        registry.register_plugins([file, file])
    assert "mine" not in table("method")
    register_plugins([])
    with pytest.raises(UsageError, match="no method 'mine'"):
        asked("mine")
