"""Adapters (LoRA and its kin) are refused by name: transformers would load their base alone."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UsageError

CONFIG = "adapter_config.json"
FILES = (CONFIG, "adapter_model.safetensors", "adapter_model.bin")


def refuse_adapter(name: str, place: str, revision: str | None = None) -> None:
    """Raises UsageError where a folder or a hub repository holds an adapter.

    name: as the user gave it; place: the folder, or the hub's name, that it stands for. A hub
    repository is asked through the cache and, where there is a network, the hub.
    """
    folder = Path(place)
    if folder.is_dir():
        found = [file for file in FILES if (folder / file).is_file()]
    else:
        found = [CONFIG] if _on_hub(place, revision) else []
    if not found:
        return
    whole = folder.is_dir() and (folder / "config.json").is_file()
    beside = " beside a model's own config.json" if whole else ""
    raise UsageError(
        f"backbone {name!r} holds an adapter: found {', '.join(found)}{beside}; expected a whole"
        " model, for the adapter would not be read and its base measured in its place\n"
        "  mend      merge it first, with peft: AutoPeftModelForCausalLM.from_pretrained(ADAPTER)"
        ".merge_and_unload().save_pretrained(DIR), save the tokenizer there too, and name DIR"
        f"{'; or move the adapter files away to measure the base' if whole else ''}"
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
