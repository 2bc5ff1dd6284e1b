"""Whatever a plugin's class returns, takes or does: one message with its file and line."""

from importlib.metadata import EntryPoint

import pytest

from harness import registry
from harness.data.tasks import PRODUCT_REVIEW
from harness.errors import UsageError
from harness.registry import find, load_plugin, table
from tests.support.command_line import SMALL

METHOD = """
from harness.method import Method
from harness.engine.lm import CausalLM
from harness.types import Prompt, Target
class LM(CausalLM):
    def loss(self, batch):
        {loss}
        return super().loss(batch)
    def step(self, tokens, state):
        {step}
        return super().step(tokens, state)
class Faulty(Method):
    name = "faulty"
    trains = {trains}
    def __init__(self, settings{init_takes}):
        super().__init__(settings)
    def prompt(self, example{prompt_takes}):
        {prompt}
        return super().prompt(example)
    def build(self, backbones):
        {build}
        return LM(backbones.main)
    def targets(self, lm, train):
        {targets}
        return super().targets(lm, train)
    def preface(self, lm, prompts, sampling):
        {preface}
        return super().preface(lm, prompts, sampling)
    def longest_preface(self, training):
        {longest}
        return 0
"""
PARTS = ("loss", "step", "prompt", "build", "targets", "preface", "longest")
FAULTS = [  # part, its code, whether the method trains, line, what the message says
    ("prompt", "return None", False, 17, "Faulty.prompt returned None"),
    ("prompt", "return 'text'", False, 17, "Faulty.prompt returned str 'text'"),
    ("prompt", "return Prompt(example.id, {'main': 3})", False, 17, 'Prompt(example.id, {"main"'),
    ("prompt_takes", ", more", False, 17, "Faulty.prompt() missing 1 required posit"),
    ("init_takes", ", more", False, 15, "missing 1 required positional argument: 'more'"),
    ("prompt", "import sys; sys.exit('bye')", False, 18, "SystemExit: bye"),
    ("prompt", "raise BaseException('odd')", False, 18, "BaseException: odd"),
    ("prompt", "raise OSError('no name')", False, 18, "OSError: no name"),
    ("prompt", "open('/nowhere/at/all')", False, 18, "FileNotFoundError"),
    ("build", "return None", False, 20, "expected  a harness.engine.PersonalLM"),
    ("longest", "return '3'", False, 29, "Faulty.longest_preface returned str '3'"),
    ("preface", "return None", False, 26, "a list of token ids for each prompt"),
    ("preface", "return [['a'] for _ in prompts]", False, 26, "a list of token ids for each"),
    ("step", "return super().step(tokens, state)[0]", False, 9, "LM.step returned Tensor of shape"),
    ("step", "import sys; sys.exit(0)", False, 10, "SystemExit: 0"),
    ("targets", "return None", True, 23, "Faulty.targets returned None"),
    ("targets", "return [pair for pair in train]", True, 23, "a list of harness.types.Target"),
    ("loss", "return None", True, 6, "LM.loss returned None"),
    ("loss", "return self.logprobs(batch)", True, 6, "expected  a scalar tensor"),
]


@pytest.mark.parametrize(
    ("part", "code", "trains", "line", "message"), FAULTS, ids=[f"{f[0]}: {f[1]}" for f in FAULTS]
)
def test_a_run_names_file_and_line(
    call, tmp_path, reviews, backbone, part, code, trains, line, message
):
    parts = dict.fromkeys(PARTS, "pass") | {"init_takes": "", "prompt_takes": "", part: code}
    path = tmp_path / "faulty.py"
    path.write_text(METHOD.format(trains=trains, **parts))
    code, out, err = call(
        "run", "--method", "faulty", "--plugin", path, "--data", reviews, "--backbone", backbone,
        "--limit", "2", "--train-limit", "4", "--out", tmp_path / "out", *SMALL,
    )  # fmt: skip
    assert code == 2, out + err
    assert message in err
    assert f"{path}:{line}" in err
    assert "Traceback" not in out + err
    assert len(err.splitlines()) < 6


@pytest.mark.parametrize("name", ["../../x", "a/b", "a..b", "", ".hidden", "a b", "x" * 81, "ä"])
def test_a_name_is_never_a_path(call, tmp_path, reviews, backbone, name):
    path = tmp_path / "named.py"
    path.write_text(f"from harness.method import Method\nclass Named(Method):\n name={name!r}\n")
    code, _, err = call(
        "run", "--method", name, "--plugin", path, "--data", reviews, "--backbone", backbone,
        "--out", tmp_path / "out" / "deep" / "er",
    )  # fmt: skip
    assert code == 2
    assert f"--plugin {path}: " in err
    assert "its name is" in err or "found 0" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys\nsys.exit(3)\n", r"SystemExit: 3 \(at .*odd.py:2\)"),
        ("raise BaseException('odd')\n", r"BaseException: odd \(at .*odd.py:1\)"),
        (
            "from harness.method import Method\nclass A(Method):\n name='a'\n Options = dict\n",
            r"A.Options is <class 'dict'>; expected a class that derives from .*odd.py:2\)",
        ),
    ],
)
def test_a_file_that_leaves_or_is_odd_is_named(tmp_path, text, message):
    path = tmp_path / "odd.py"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        load_plugin(path)


class _Package:
    name = "some-package"


def offered(monkeypatch, kind, name, value):
    point = EntryPoint(name, value, f"harness.{kind}s")
    vars(point).update(dist=_Package())
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [point] if group == f"harness.{kind}s" else []
    )
    table.cache_clear()


@pytest.fixture(autouse=True)
def tables():
    yield
    table.cache_clear()


@pytest.mark.parametrize("kind", ["method", "task", "metric"])
def test_names_of_packages_are_no_paths_either(monkeypatch, kind):
    offered(monkeypatch, kind, "../../x", "harness.data.tasks:PRODUCT_REVIEW")
    with pytest.raises(UsageError, match=r"of some-package \(.*its name is '../../x'; expected up"):
        find(kind, "../../x")


@pytest.mark.parametrize("kind", ["method", "task"])
def test_a_package_that_offers_something_else_is_named(monkeypatch, kind):
    offered(monkeypatch, kind, "odd", "json:dumps")
    with pytest.raises(
        UsageError, match=rf"{kind} 'odd' of some-package \(json:dumps\): found fun"
    ):
        find(kind, "odd")


TASK = """
import sys
from dataclasses import replace
from harness.data.tasks import PRODUCT_REVIEW
def query(text):
    {code}
TASK = replace(PRODUCT_REVIEW, name="odd_task", query=query)
"""


@pytest.mark.parametrize(
    ("code", "message"), [("sys.exit('bye')", "SystemExit: bye"), ("1 / 0", "ZeroDivisionError")]
)
def test_a_task_that_breaks_is_named_with_its_line(
    call, monkeypatch, tmp_path, reviews, backbone, code, message
):
    (tmp_path / "odd_task.py").write_text(TASK.format(code=code))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "odd_task", raising=False)
    offered(monkeypatch, "task", "odd_task", "odd_task:TASK")
    assert find("task", "odd_task").row is PRODUCT_REVIEW.row
    code, _, err = call(
        "run", "--method", "rag", "--task", "odd_task", "--data", reviews / "product_review",
        "--backbone", backbone, "--out", tmp_path / "out", *SMALL,
    )  # fmt: skip
    assert code == 2
    assert f"task 'odd_task' of some-package is broken: {message}" in err
    assert f"{tmp_path / 'odd_task.py'}:6" in err
