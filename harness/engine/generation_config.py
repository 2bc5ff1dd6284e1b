"""What a model's own generation_config asks for, and what of it a run does not apply."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.settings import DecodeSettings

SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "typical_p", "top_h", "epsilon_cutoff", "eta_cutoff",
    "renormalize_logits",
)  # fmt: skip
"""Keys that mean nothing where nothing is drawn."""
ELSEWHERE = (
    "eos_token_id", "bos_token_id", "pad_token_id", "decoder_start_token_id", "do_sample",
    "transformers_version", "max_length", "max_new_tokens", "use_cache", "cache_implementation",
    "return_dict_in_generate", "output_attentions", "output_hidden_states", "output_scores",
    "output_logits", "chat_format", "stop_words_ids", "trust_remote_code",
)  # fmt: skip
"""Keys that ask for no way of decoding, or that the harness has an answer of its own to."""
OFF: Mapping[str, tuple[Any, ...]] = {
    "repetition_penalty": (1.0,), "temperature": (1.0,), "top_p": (1.0,), "top_k": (0,),
    "typical_p": (1.0,), "num_beams": (1,), "num_beam_groups": (1,), "num_return_sequences": (1,),
    "length_penalty": (1.0,), "diversity_penalty": (0.0,), "no_repeat_ngram_size": (0,),
    "encoder_no_repeat_ngram_size": (0,), "encoder_repetition_penalty": (1.0,), "min_length": (0,),
    "epsilon_cutoff": (0.0,), "eta_cutoff": (0.0,),
}  # fmt: skip
"""Values by which a key asks for nothing; None, False and empty ones never do."""


def raw_generation_config(place: str, revision: str | None = None) -> dict[str, Any]:
    """generation_config.json of a folder or hub name as it is written; {} where there is none."""
    return _raw(place, "generation_config.json", revision)


def raw_config(place: str, revision: str | None = None) -> dict[str, Any]:
    """config.json of a folder or hub name as it is written; {} where there is none."""
    return _raw(place, "config.json", revision)


def _raw(place: str, name: str, revision: str | None) -> dict[str, Any]:
    from transformers.utils.hub import cached_file

    try:
        file = cached_file(
            place,
            name,
            revision=revision or "main",
            _raise_exceptions_for_gated_repo=False,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
        found = json.loads(Path(file).read_text(encoding="utf-8")) if file else {}
    except (OSError, ValueError):  # a wrong file is refused where the model is loaded
        return {}
    return found if isinstance(found, dict) else {}


def asked(generation_config: Mapping[str, Any]) -> dict[str, Any]:
    """What a generation_config asks of decoding; {} where it asks for nothing."""
    drawn = bool(generation_config.get("do_sample"))
    return {
        key: value
        for key, value in sorted(generation_config.items())
        if not key.startswith("_")
        and key not in ELSEWHERE
        and (drawn or key not in SAMPLING)
        and value not in (None, False, [], {})
        and (value not in OFF.get(key, ()) or (key == "temperature" and drawn))
    }


def not_applied(wanted: Mapping[str, Any], options: DecodeSettings) -> dict[str, Any]:
    """The part of `wanted` (from `asked`) that this run's decoding does not do."""
    ours = {
        "temperature": options.temperature,
        "top_p": options.top_p,
        "top_k": options.top_k,
        "repetition_penalty": options.repetition_penalty,
    }
    return {key: value for key, value in wanted.items() if key not in ours or ours[key] != value}


def advice(name: str, ignored: Mapping[str, Any]) -> str | None:
    """The line that says so once on the screen; None where everything is applied."""
    if not ignored:
        return None
    told = ", ".join(f"{key}={value}" for key, value in ignored.items())
    known = [
        key for key in ("temperature", "top_p", "top_k", "repetition_penalty") if key in ignored
    ]
    how = " ".join(f"--set decode.{key}={ignored[key]}" for key in known)
    return (
        f"{name}: its generation_config asks for {told}; not applied, so that all runs decode alike"
        + (f" ({how} applies it)" if how else "")
    )
