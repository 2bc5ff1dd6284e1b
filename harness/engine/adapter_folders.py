"""Adapters (LoRA and similar) are refused: transformers would load only their base model."""

from __future__ import annotations

from pathlib import Path

from harness.engine.model_files import model_file
from harness.errors import UsageError

FILES = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")


def refuse_adapter(name: str, location: str, revision: str | None = None) -> None:
    """Raises UsageError if a folder or hub repository holds an adapter.

    name: the user's name for it. location: its folder or hub name. A hub repository is looked up in
    the cache and, if there is a network, on the hub.
    """
    folder = Path(location)
    names = FILES if folder.is_dir() else FILES[:1]
    found = [name for name in names if model_file(location, name, revision)]
    if not found:
        return
    has_model = (folder / "config.json").is_file()
    with_model = " next to a model's own config.json" if has_model else ""
    raise UsageError(
        f"backbone {name!r} holds an adapter: found {', '.join(found)}{with_model}; expected a"
        " whole model, because the adapter would be ignored and its base model evaluated instead\n"
        "  mend      merge it first, with peft: AutoPeftModelForCausalLM.from_pretrained(ADAPTER)"
        ".merge_and_unload().save_pretrained(DIR), save the tokenizer there too, and name DIR"
        f"{'; or move the adapter files away to evaluate the base model' if has_model else ''}"
    )
