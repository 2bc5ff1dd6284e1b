"""A TOML or YAML file → its values, and the line of each key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.settings.lines import toml_lines, yaml_lines

TOML, YAML = (".toml",), (".yaml", ".yml")
MOST_VALUES = 10_000
"""Values that a YAML file may hold."""
POWER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")
"""A number such as 1e-3, as YAML 1.2 writes it."""


def parsed(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """A file's values, and the line of each key."""
    if path.suffix not in TOML + YAML:
        raise UsageError(f"{path}: expected a file whose name ends in .toml, .yaml or .yml")
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}; expected a run file or preset that can be read"
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    if path.suffix in YAML:
        return _yaml(path, text)
    try:
        return tomllib.loads(text), toml_lines(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f'{path}: not TOML: {error}; expected lines like task = "a"') from None


def _yaml(path: Path, text: str) -> tuple[dict[str, Any], dict[str, int]]:
    try:
        import yaml
    except ImportError:
        raise UsageError(f"{path}: YAML needs PyYAML: pip install pyyaml, or use TOML") from None
    try:
        values = yaml.load(text, _loader())
        if (size := _size(values, {})) > MOST_VALUES:  # aliases of aliases
            raise ValueError(f"{size:,} values with its aliases; at most {MOST_VALUES:,}")
        lines = yaml_lines(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path} line {mark.line + 1}" if mark else str(path)
        raise UsageError(
            f"{place}: not YAML: {error.problem}; expected lines like task: a"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not YAML: {error}") from None
    if values is None:
        return {}, lines
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UsageError(f"{path}: found {type(values).__name__}; expected lines like task: a")
    return values, lines


def _loader() -> Any:
    """PyYAML's safe loader, for which 1e-3 is a number too; in YAML 1.1 it is text."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", POWER, list("-+.0123456789"))
    return Loader


def _size(value: Any, known: dict[int, int]) -> int:
    """Number of values in a value, those behind an alias counted each time; `known` by identity."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        inner = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_size(each, known) for each in inner)
    return known[id(value)]
