"""The tests themselves: they share code in tests/support alone, and each assertion can fail."""

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.order import LONG, pytest_collection_modifyitems

TESTS = Path(__file__).parent


def trees():
    for path in sorted(TESTS.rglob("*.py")):
        yield path.relative_to(TESTS).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def shared_imports(tree):
    """Modules of `tests` that a file imports, other than those of tests.support."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names = [f"{'.' * node.level}{node.module or ''}"]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            inside = f"{name}.".startswith((".", "tests."))
            if inside and not f"{name}.".startswith("tests.support."):
                yield node.lineno, name


def cannot_fail(tree):
    """Lines of assertions that hold for every value: x == x, a true constant, `or` with one."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assert):
            continue
        for part in ast.walk(node.test):
            same = isinstance(part, ast.Compare) and any(
                isinstance(operator, ast.Eq | ast.Is | ast.LtE | ast.GtE)
                and ast.dump(left) == ast.dump(right)
                and not any(isinstance(inner, ast.Call) for inner in ast.walk(left))
                for left, operator, right in zip(
                    [part.left, *part.comparators], part.ops, part.comparators, strict=False
                )
            )
            either = isinstance(part, ast.BoolOp) and isinstance(part.op, ast.Or)
            if same or (either and any(map(always_true, part.values))):
                yield node.lineno
        if always_true(node.test):
            yield node.lineno


def always_true(node):
    """Whether an expression is true whatever the code under test does."""
    return isinstance(node, ast.Constant | ast.Tuple) and bool(
        node.value if isinstance(node, ast.Constant) else node.elts
    )


def test_no_test_imports_another():
    found = [
        f"tests/{name} line {line}: {module}"
        for name, tree in trees()
        for line, module in shared_imports(tree)
    ]
    assert not found, "move what they share to tests/support:\n" + "\n".join(found)


def test_every_assertion_can_fail():
    found = [f"tests/{name} line {line}" for name, tree in trees() for line in cannot_fail(tree)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "code",
    ["assert x == x", "assert row.a[0] >= row.a[0]", "assert True", "assert x or True",
     "assert (x, 'message')"],
)  # fmt: skip
def test_an_assertion_that_cannot_fail_is_found(code):
    assert list(cannot_fail(ast.parse(code)))


@pytest.mark.parametrize("code", ["assert x == y", "assert draw() == draw()", "assert x or y"])
def test_one_that_can_is_not(code):
    assert not list(cannot_fail(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    ["from tests.pipeline.test_single import go", "import tests.conftest", "from .x import y"],
)
def test_an_import_of_another_test_is_found(code):
    assert list(shared_imports(ast.parse(code)))
    assert not list(shared_imports(ast.parse("from tests.support.tiny import tiny")))


def test_long_files_come_first_and_the_rest_stays_in_order():
    names = ["tests/cli/test_x.py::test_a", f"{LONG[-1]}::test_b", "tests/a.py::test_c"]
    items = [SimpleNamespace(nodeid=name) for name in [*names, f"{LONG[0]}::test_d"]]
    pytest_collection_modifyitems(items)
    assert [item.nodeid[-1] for item in items] == ["b", "d", "a", "c"]
    assert all((TESTS.parent / path).is_file() for path in LONG)
