"""The separator, and the sentences of an analysis."""

import pytest
from transformers import PreTrainedTokenizerFast

from baselines.analysis import sentence_ends, separator
from harness.engine.ends import ends_of
from tests.support import chat_templates
from tests.support.chat_templates import CHATML, GEMMA, PHI, THINKING

OF_TEMPLATES = {
    "chatml": (CHATML, "<|im_end|>\n<|im_start|>assistant\n"),
    "gemma": (GEMMA, "<end_of_turn>\n<start_of_turn>model\n"),
    "an end of text unless a turn opens": (PHI, "<|end|>\n<|assistant|>\n"),
    "an answer without thinking": (
        THINKING.replace("enable_thinking is defined and enable_thinking is false", "true"),
        "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
    ),
    "answers that nothing opens": (
        "{% for m in messages %}{{ m['content'] }}<|end|>{% endfor %}",
        "<|end|>",
    ),
}
ADDED = (
    "<|im_start|>", "<|im_end|>", "<|end|>", "<|assistant|>", "<start_of_turn>", "<end_of_turn>",
)  # fmt: skip


@pytest.fixture
def tokenizer(world):
    return world.shared.backbones.tokenizer


def test_the_separator_ends_the_turn_and_opens_the_next(tokenizer):
    assert (
        tokenizer.decode(separator(tokenizer, ends_of(tokenizer)))
        == "<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize(("template", "expected"), OF_TEMPLATES.values(), ids=OF_TEMPLATES)
def test_the_separator_of_a_template(template, expected):
    tokenizer = chat_templates.tokenizer(template, ADDED)
    ids = separator(tokenizer, ends_of(tokenizer))
    assert tokenizer.decode(ids) == expected


def test_without_a_template_the_separator_is_the_end_token(tokenizer):
    backend = tokenizer.backend_tokenizer
    bare = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>")
    assert separator(bare, ends_of(bare)) == (bare.eos_token_id,)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("likes tea. Never a lamp! Why", ["likes tea.", " Never a lamp!", " Why"]),
        ("likes tea. Never a lamp.", ["likes tea.", " Never a lamp."]),
        ("no end", ["no end"]),
        ("3.5 stars. Good", ["3.5 stars.", " Good"]),
        ("é is ü. Ö", ["é is ü.", " Ö"]),  # letters of two bytes, each byte a token
        ("", []),
    ],
)
def test_sentences_in_tokens(tokenizer, text, sentences):
    ids = tokenizer(text)["input_ids"]
    ends = sentence_ends(tokenizer, ids)
    starts = (0, *ends)[: len(ends)]
    parts = [tokenizer.decode(ids[one:two]) for one, two in zip(starts, ends, strict=True)]
    assert parts == sentences
