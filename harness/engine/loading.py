"""Model folders are not trusted: whatever fails in loading one ends in one message, in time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open

from harness.engine.model_files import model_file, model_json
from harness.errors import HarnessError, UsageError

T = TypeVar("T")
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
TRIAL_S = 60.0
"""Seconds that a trial of a tokenizer and its chat template may take; usually 0.05."""
PROBES = tuple(
    unit * 1_000 + "!" for unit in ("a", "A", "0", " ", "\n", "_", "é", "中", "ab ", "a1")
)
"""Texts on which a pattern that backtracks does not end."""
DEEP, WIDE = 1_024, 1_000_000
"""Layers or experts, and any other size, that a config may give whatever the weights are."""
SPARE = 1 << 28
"""Numbers that a model may hold beyond four times its weights: tables of positions, masks."""


@contextmanager
def loading(what: str, name: str, reason: Callable[[str, Exception], str]) -> Iterator[None]:
    """Any error inside becomes a UsageError: a package that a quantized model needs is missing, a
    config that no class accepts, memory that no machine has.

    what, name: for the message.
    reason: (name, error) → the error in words.
    """
    try:
        yield
    except (HarnessError, KeyboardInterrupt, SystemExit):
        raise
    except Exception as error:
        raise UsageError(f"{what} {name!r} cannot be loaded: {reason(name, error)}") from error
    except BaseException as error:  # the panic of a library in Rust
        raise UsageError(f"{what} {name!r} cannot be loaded: {error}") from error


def within(seconds: float, what: str, work: Callable[[], T]) -> T:
    """What `work` returns or raises. Raises UsageError if it does not end in time.

    It then goes on in its thread until the process ends, since no thread can be stopped.
    """
    found: list[T] = []
    failed: list[BaseException] = []

    def worker() -> None:
        try:
            found.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=worker, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise UsageError(
            f"{what} did not end within {seconds:g} s; a pattern or a loop in its files may never"
            " end. Use another backbone"
        )
    return found[0]


def refuse_sizes(name: str, location: str, revision: str | None = None) -> None:
    """Raises UsageError if a config gives a size that its weights do not have.

    A model of such a size would fill the memory before its weights could be compared with it. The
    model is built without memory to count its numbers.
    """
    config = model_json(location, "config.json", revision)
    shapes = weight_shapes(location, revision)
    if not config or not shapes:
        return  # loading says what is missing
    longest = max((size for shape in shapes.values() for size in shape), default=0)
    for key, size in _sizes(config):
        deep = "layer" in key or "expert" in key
        most = max(longest, len(shapes), DEEP if deep else WIDE)
        if size > most:
            raise UsageError(
                f"backbone {name!r}: config.json gives {key} = {size:,}; no tensor of the weights"
                f" is so large (the longest has {longest:,}). Save config.json and weights together"
            )
    stored = sum(map(prod, shapes.values()))
    described = 0 if "quantization_config" in config else _described(location, revision)
    if described > 4 * stored + SPARE:
        raise UsageError(
            f"backbone {name!r}: config.json describes a model of {described:,} numbers, and the"
            f" weights hold {stored:,}. Save config.json and weights together"
        )


def weight_shapes(location: str, revision: str | None = None) -> Mapping[str, tuple[int, ...]]:
    """Tensor → shape, from the headers of the safetensors files; empty where none can be read."""
    names = {WEIGHTS}
    if model_file(location, WEIGHTS, revision) is None:
        listed = model_json(location, INDEX, revision).get("weight_map", {})
        names = {str(file) for file in listed.values()} if isinstance(listed, dict) else set()
    found: dict[str, tuple[int, ...]] = {}
    for file in sorted(names):
        path = model_file(location, file, revision) if Path(file).name == file else None
        try:
            with safe_open(path, "pt") as tensors:  # None raises a TypeError
                keys = tensors.keys()  # no mapping: it has no iterator of its own
                found |= {key: tuple(tensors.get_slice(key).get_shape()) for key in keys}
        except (OSError, TypeError, SafetensorError):
            return {}  # loading reports a broken file
    return found


def _described(location: str, revision: str | None) -> int:
    """Numbers in the parameters and buffers of the model that a config describes.

    0 for a class that cannot be built without memory.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(
        location, revision=revision or "main", trust_remote_code=False
    )
    maker: Any = AutoModelForCausalLM
    try:
        with torch.device("meta"):
            model = maker.from_config(config, trust_remote_code=False)
    except (NotImplementedError, RuntimeError):  # it needs the values of a tensor
        return 0
    return sum(part.numel() for part in (*model.parameters(), *model.buffers()))


def _sizes(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Every whole number in a config that is the size of a part of the model."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _sizes(value)
        elif isinstance(value, int) and any(
            part in key for part in ("layer", "head", "expert", "size", "dim", "embd", "inner")
        ):
            yield key, value
