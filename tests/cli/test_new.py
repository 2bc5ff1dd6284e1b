"""new-method, new-task and new-metric refuse names with which their files could not work."""

import ast

import pytest

REFUSED = [
    ("new-task", ["email"], "email.py would hide the module 'email'"),
    ("new-method", ["time"], "expected a file of another name: --out my_time.py"),
    ("new-metric", ["pytest"], "pytest.py would hide the module 'pytest'"),
    ("new-metric", ["mine", "--out", "sub/numpy.py"], "another name: --out sub/my_numpy.py"),
    ("new-metric", ["none"], "its class None"),
    ("new-method", ["true"], "its class True"),
    ("new-method", ["all"], "new-method all: 'all' has a meaning of its own"),
    ("new-method", ["none"], "new-method none: 'none' has a meaning of its own"),
    ("new-task", ["all"], "new-task all: 'all' has a meaning of its own"),
    ("new-method", ["target"], "its class Target"),
    ("new-method", ["causal"], "its class CausalLM"),
    ("new-metric", ["_"], "expected a lower-case name like my_metric"),
    ("new-task", ["größe"], "expected a lower-case name like my_task"),
]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # as with `python -m harness`


@pytest.mark.parametrize(
    ("verb", "words", "message"), REFUSED, ids=[" ".join((row[0], *row[1])) for row in REFUSED]
)
def test_a_name_that_cannot_work_is_refused_and_nothing_is_written(
    call, tmp_path, verb, words, message
):
    code, _, err = call(verb, *words)
    assert (code, message in err) == (2, True), err
    assert not list(tmp_path.iterdir())


def test_another_file_or_a_folder_beside_it_does_not_matter(call, tmp_path):
    (tmp_path / "diary").mkdir()
    for words in (["diary"], ["email", "--out", "my_email.py"]):
        code, _, err = call("new-task", *words)
        assert code == 0, err
    for name in ("diary", "my_email"):
        ast.parse((tmp_path / f"{name}.py").read_text("utf-8"))
