"""Names and files that offer a method wrongly get a message with exactly what is wrong."""

import pytest

from harness import registry
from harness.errors import UsageError
from harness.record import find_runs
from harness.registry import load_plugin

METHOD = "from harness.method import Method\n"


def write(tmp_path, text):
    path = tmp_path / "plugin.py"
    path.write_text(text)
    return path


@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
def test_an_error_in_a_library_is_placed_in_the_plugin(tmp_path, monkeypatch, relative):
    path = write(tmp_path, "import json\n\nx = json.loads('{')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"JSONDecodeError: .* \(at .*plugin\.py:3\)"):
        load_plugin(path.relative_to(tmp_path) if relative else path)


@pytest.mark.parametrize("folder", ["m[1]", "m*", "m?"])
def test_a_path_to_a_plugin_or_a_run_is_no_pattern(tmp_path, folder):
    for place, name in ((folder, "meant"), ("m1", "neighbour")):
        (tmp_path / place).mkdir()
        write(tmp_path / place, METHOD + f"class A(Method):\n    name = '{name}'\n")
        (tmp_path / place / "s0").mkdir()
        (tmp_path / place / "s0" / "record.json").write_text("{}")
    assert load_plugin(tmp_path / folder / "plugin.py").name == "meant"
    assert find_runs([tmp_path / folder]) == [tmp_path / folder / "s0"]


def test_a_nameless_base_class_is_no_method(tmp_path):
    text = METHOD + "class Base(Method): ...\nclass Mine(Base):\n    name = 'mine'\n"
    assert load_plugin(write(tmp_path, text)).name == "mine"


def test_two_methods_in_one_file_are_named(tmp_path):
    text = METHOD + "class A(Method):\n    name = 'a'\nclass B(A):\n    name = 'b'\n"
    with pytest.raises(UsageError, match=r"found 2 \(A, B\); `harness new-method NAME`"):
        load_plugin(write(tmp_path, text))


@pytest.mark.parametrize("name", registry.OPTIONS)
def test_options_are_those_of_the_method(name):
    assert registry.options_of(name) is registry.find("method", name).Options
