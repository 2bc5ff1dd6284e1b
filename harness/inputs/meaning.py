"""What a registered name means, in one line: read from the source, without importing it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from harness.inputs.imports import file_of


def meaning_of(kind: str, target: str) -> str:
    """The first sentence of the docstring of what `target` names; "" if it has none.

    kind: a method is explained by its module, which is about nothing else; a metric or task by its
        own docstring, or by the module's if it has none.
    target: "module:attribute" of the registry.
    """
    module, _, attribute = target.partition(":")
    file = file_of(module)
    try:
        tree = ast.parse(file.read_bytes()) if file else ast.Module([], [])
    except (OSError, SyntaxError, ValueError):
        return ""
    own, whole = _of_name(tree.body, attribute), ast.get_docstring(tree) or ""
    text = (whole or own) if kind == "method" else (own or whole)
    return " ".join(text.partition("\n\n")[0].split())


def _of_name(body: Sequence[ast.stmt], name: str) -> str:
    """The docstring of a class or function, or the text under an assignment."""
    for at, statement in enumerate(body):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name == name:
            return ast.get_docstring(statement) or ""
        if isinstance(statement, ast.Assign) and any(
            isinstance(each, ast.Name) and each.id == name for each in statement.targets
        ):
            below = body[at + 1] if at + 1 < len(body) else None
            value = below.value if isinstance(below, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value
    return ""
