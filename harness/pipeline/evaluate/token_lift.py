"""The profile swap token by token: what `tokens.parquet` holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.engine.text import decode
from harness.metrics.likelihood import TokenLogprobs, slice_token_of
from harness.metrics.token_kinds import Phrase, form_words, phrases, subject_words, token_kinds
from harness.pipeline.encoded_prompt import EncodedPrompt
from harness.pipeline.plan import Plan
from harness.record import Record
from harness.record.token_file import KINDS, TokenValues
from harness.statistics import Array

Read = Mapping[str, Mapping[str, TokenLogprobs]]
"""`own`, `empty` or name of the swapped profile → id → log-probs of the reference."""


def token_values(plan: Plan, read: Read) -> TokenValues:
    """One row for each token of each reference: position, kind, and NLL with each profile.

    read: log-probs with the user's own profile, donors' profiles and none.
    """
    form = form_words(example.input for example in plan.test.examples)
    positions, words, kinds, nlls = [], [], [], []
    for encoded in plan.test_prompts:
        example = encoded.example
        text = plan.test.references[example.id].text
        of_token = slice_token_of(text, read["own"][example.id].ends)
        of_word = token_kinds(
            text, shown_phrases(plan, encoded), subject_words(example.input, form)
        )
        codes = np.array([*map(KINDS.index, of_word)] or [KINDS.index("style")], dtype=np.int8)
        positions.append(np.arange(len(of_token), dtype=np.int32))
        words.append(np.array(of_token, dtype=np.int32))
        kinds.append(codes[of_token])
        nlls.append(_nlls(read, example.id))
    lengths = [len(each) for each in positions]
    return TokenValues(
        examples=tuple(encoded.example.id for encoded in plan.test_prompts),
        example=np.repeat(np.arange(len(lengths), dtype=np.int32), lengths),
        position=np.concatenate(positions),
        slice_token=np.concatenate(words),
        kind=np.concatenate(kinds),
        nll=np.concatenate(nlls).astype(np.float32),
    )


def shown_phrases(plan: Plan, encoded: EncodedPrompt) -> set[Phrase]:
    """Phrases of the user's own profile that any view of the prompt shows after the budgets."""
    views = [decode(plan.backbones.tokenizer, ids) for ids in encoded.views.values()]
    profile = (text for entry in encoded.example.profile for text in entry.values())
    return phrases(profile) & phrases([encoded.text, *views])


def _nlls(read: Read, key: str) -> Array:
    """Columns of an example [T,4]: own, mean over random donors, over topic donors, empty.

    A donor without values, whose preface failed, is left out of the mean, as in the record.
    """

    def nll(names: Sequence[str]) -> Array:
        rows = [np.asarray(read[name][key].logprobs, dtype=np.float64) for name in names]
        known = [row for row in rows if not np.isnan(row).all()]
        return -np.mean(known, axis=0) if known else np.full(len(read["own"][key].ends), np.nan)

    kinds = [[name for name in read if name.startswith(kind)] for kind in ("random", "topic")]
    return np.stack([nll(names) for names in (["own"], *kinds, ["empty"])], axis=1)


TOLERANCE = 1e-4
"""Nats per slice token by which tokens and record may differ: single precision, summed."""


def unlike_record(values: TokenValues, record: Record) -> str | None:
    """How the tokens' sums differ from the record's gains of each example; None if they agree.

    They do not where another machine, number type or package gives other likelihoods.
    """
    gains = {
        "random": values.column("nll_other") - values.column("nll_own"),
        "topic": values.column("nll_topic") - values.column("nll_own"),
        "empty": values.column("nll_empty") - values.column("nll_own"),
    }
    for kind, gain in gains.items():
        sums = np.bincount(values.example, weights=gain, minlength=len(values.examples))
        for key, total in zip(values.examples, sums, strict=True):
            example = record.examples[key]
            known = example.lift and (example.lift.likelihood or {}).get(kind, {}).get("all")
            if known is None or example.likelihood is None:
                continue
            found = total / sum(example.likelihood.slice_tokens)
            if not abs(found - known) <= TOLERANCE:
                return (
                    f"its gain over {kind} in example {key} is {found:.5f} nats per slice token"
                    f" with this machine and these packages; expected {known:.5f}, as in the record"
                )
    return None
