"""Adapters (LoRA and similar) are refused: transformers would load only their base model."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UsageError

CONFIG = "adapter_config.json"
FILES = (CONFIG, "adapter_model.safetensors", "adapter_model.bin")


def refuse_adapter(name: str, location: str, revision: str | None = None) -> None:
    """Raises UsageError if a folder or hub repository holds an adapter.

    name: the user's name for it. location: its folder or hub name. A hub repository is looked up in
    the cache and, if there is a network, on the hub.
    """
    folder = Path(location)
    if folder.is_dir():
        found = [file for file in FILES if (folder / file).is_file()]
    else:
        found = [CONFIG] if _on_hub(location, revision) else []
    if not found:
        return
    has_model = folder.is_dir() and (folder / "config.json").is_file()
    with_model = " next to a model's own config.json" if has_model else ""
    raise UsageError(
        f"backbone {name!r} holds an adapter: found {', '.join(found)}{with_model}; expected a"
        " whole model, because the adapter would be ignored and its base model evaluated instead\n"
        "  mend      merge it first, with peft: AutoPeftModelForCausalLM.from_pretrained(ADAPTER)"
        ".merge_and_unload().save_pretrained(DIR), save the tokenizer there too, and name DIR"
        f"{'; or move the adapter files away to evaluate the base model' if has_model else ''}"
    )


def _on_hub(name: str, revision: str | None) -> bool:
    from transformers.utils.hub import cached_file

    found = cached_file(
        name,
        CONFIG,
        revision=revision or "main",
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return found is not None
