"""The tokenizer of a backbone, tried before it is used; two models of one text must share it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from harness.engine.loading import PROBES, TRIAL_S, loading, within
from harness.engine.locate import adapter_at, load_error, locate
from harness.engine.model_files import model_file
from harness.engine.template import Template, shell, template_source, with_template
from harness.errors import UsageError
from harness.inputs.hub_access import asked_once
from harness.types import Tokenizer

PLAIN_TOKENIZERS = ("TokenizersBackend", "PreTrainedTokenizerFast")
"""Tokenizer classes whose tokenizer.json is complete. For them AutoTokenizer would replace its
splitting rules by those of the model type (transformers 5, e.g. qwen2: single digits)."""


@lru_cache(maxsize=8)
def tokenizer_of(
    name: str,
    revision: str | None = None,
    template: Template | None = None,
    base: str | None = None,
) -> Tokenizer:
    """The fast tokenizer of a backbone; an adapter without one of its own has its base's.

    Args:
        name: the backbone's.
        revision: of the hub.
        template: adds a date and arguments to its chat template.
        base: `model.base`.

    Raises UsageError if there is no fast tokenizer, or the chat template ignores an argument.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast
    from transformers.models.auto.tokenization_auto import get_tokenizer_config

    location, commit = locate(name), revision or "main"
    adapter = adapter_at(name, revision, base)
    if adapter is not None:
        with asked_once(location):
            own = model_file(location, "tokenizer.json", revision)
        if own is None:
            return tokenizer_of(adapter.base.name, adapter.base.revision, template)
    with loading("tokenizer of", name, load_error), asked_once(location):
        declared = get_tokenizer_config(location, revision=commit).get("tokenizer_class")
        loader = PreTrainedTokenizerFast if declared in PLAIN_TOKENIZERS else AutoTokenizer
        tokenizer: Any = loader.from_pretrained(location, revision=commit, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise UsageError(
            f"tokenizer of {name!r} is not a fast one; expected tokenizer.json, for offsets"
        )
    with loading("tokenizer of", name, load_error):
        ids = within(TRIAL_S, f"a trial of the tokenizer of {name!r}", lambda: tried(tokenizer))
    if not ids:
        raise UsageError(
            f"tokenizer of {name!r} encodes nothing; expected tokenizer.json next to the weights."
            " Save the tokenizer there too, with save_pretrained(folder)"
        )
    return within(
        TRIAL_S,
        f"a trial of the chat template of {name!r}",
        lambda: _rendering(with_template(tokenizer, template or Template())),
    )


def _rendering(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer, after its chat template was rendered once."""
    if template_source(tokenizer) is not None:
        shell(tokenizer)
    return tokenizer


def tried(tokenizer: Any) -> list[int]:
    """The ids of a letter, after texts on which a pattern may never end."""
    for text in PROBES:
        tokenizer(text, add_special_tokens=False)
    ids: list[int] = tokenizer("a", add_special_tokens=False)["input_ids"]
    return ids


def embedding_rows(name: str, location: str, revision: str | None = None) -> int:
    """Number of rows of a backbone's embedding matrix, from its config.

    name: for messages. location, revision: of the config.
    """
    from transformers import AutoConfig

    with loading("config of", name, load_error), asked_once(location):
        config = AutoConfig.from_pretrained(
            location, revision=revision or "main", trust_remote_code=False
        )
        return int(config.get_text_config(decoder=True).vocab_size)


def same_tokens(
    name: str, tokenizer: Tokenizer, other_name: str, other: Tokenizer, rows: int
) -> None:
    """Raises UsageError if two tokenizers differ, naming the tokens.

    Args:
        name: the generator's backbone.
        tokenizer: its tokenizer.
        other_name: the reasoner's backbone.
        other: its tokenizer.
        rows: rows of the generator's embedding matrix; tokens past them are never used.
    """
    ours, theirs = (
        {token: index for token, index in each.get_vocab().items() if index < rows}
        for each in (tokenizer, other)
    )
    if ours == theirs:
        return
    differing = sorted(
        {token for token, index in ours.items() if theirs.get(token) != index}
        | (theirs.keys() - ours.keys())
    )
    shown = ", ".join(
        f"{token!r} ({ours.get(token, 'absent')} / {theirs.get(token, 'absent')})"
        for token in differing[:5]
    )
    raise UsageError(
        f"{name!r} and its reasoner {other_name!r} have different tokenizers:"
        f" {len(differing)} tokens differ, e.g. {shown}; choose two models of one family"
    )
