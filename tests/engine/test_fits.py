"""Rows that do not fit a model are refused, with the numbers and the remedy."""

import pytest
from transformers import GPT2Config, GPT2LMHeadModel

from baselines.coconut import CoconutLM
from flythinker import FlyThinkerLM
from flythinker.model import ANY
from harness.engine import CausalLM
from harness.engine.fits import Row, most_positions, refuse_misfits
from harness.errors import UsageError
from tests.support.tiny import padded, tiny

CAP = {"decode.max_new_tokens": ("decode.max_new_tokens",)}
PROMPT = {"prompt": ("budget.profile", "budget.input")}


def gpt2(positions=16):
    config = GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2, n_positions=positions)
    return CausalLM(GPT2LMHeadModel(config))


def row(prompt, cap, ids=((1, 2),), key="a"):
    return Row(key, "the test prompt", (("prompt", prompt), ("decode.max_new_tokens", cap)), ids)


def test_a_row_as_long_as_the_context_fits_and_one_more_token_does_not():
    refuse_misfits(gpt2(), [row(10, 6)], CAP)
    with pytest.raises(UsageError) as caught:
        refuse_misfits(gpt2(), [row(4, 6), row(11, 6, key="b")], CAP)
    assert str(caught.value) == (
        "the test prompt of example b needs 17 positions (prompt 11 + decode.max_new_tokens 6), too"
        " many for the model (GPT2LMHeadModel)\n"
        "  found     n_positions = 16 in its config: the longest row that the model was built for\n"
        "  expected  at most 16 in every row, 1 fewer\n"
        "  mend      lower decode.max_new_tokens, or choose a model with a longer context"
    )


@pytest.mark.parametrize(
    ("prompt", "cap", "instead", "mend"),
    [
        (12, 6, "", "lower decode.max_new_tokens, budget.profile or budget.input, or "),
        (2, 30, "", "lower decode.max_new_tokens, or "),
        (30, 2, "x=false", "lower budget.profile or budget.input, or x=false, or "),
        (14, 20, "", "lower decode.max_new_tokens, or "),
        (17, 17, "", "lower decode.max_new_tokens, budget.profile or budget.input, or "),
    ],
)
def test_only_settings_that_can_mend_a_row_are_named(prompt, cap, instead, mend):
    with pytest.raises(UsageError) as caught:
        refuse_misfits(gpt2(), [row(prompt, cap)], CAP | PROMPT, instead)
    assert str(caught.value).endswith(f"  mend      {mend}choose a model with a longer context")


def test_a_fixed_part_past_the_context_cannot_be_mended_by_budgets():
    long = Row("a", "eval.likelihood", (("prompt", 3), ("reference", 40)))
    for instead, mend in (("x=false", "x=false, or choose a model"), ("", "choose a model")):
        with pytest.raises(UsageError, match=f"mend      {mend}"):
            refuse_misfits(gpt2(), [long], PROMPT, instead)
    both = Row("a", "eval", (("prompt", 20), ("target", 20), ("hidden text", 4)))
    with pytest.raises(UsageError, match=r"lower budget\.profile, budget\.input or t, or"):
        refuse_misfits(gpt2(), [both], PROMPT | {"target": ("t",)})


def test_a_reasoner_with_a_shorter_context_counts_too():
    reasoner = tiny(seed=1)
    reasoner.config.max_position_embeddings = 16
    lm = FlyThinkerLM(tiny(), reasoner)
    assert most_positions(lm) == 16
    with pytest.raises(UsageError, match=r"too many for the reasoner \(Qwen2ForCausalLM\)"):
        refuse_misfits(lm, [row(11, 6)])


def test_an_id_past_the_embedding_matrix_is_refused_if_a_text_uses_it():
    refuse_misfits(gpt2(), [row(4, 6, ((49,),))])
    with pytest.raises(UsageError) as caught:
        refuse_misfits(gpt2(), [row(4, 6, ((3,), (50, 60)))])
    message = str(caught.value)
    assert "contains token id 50, which the model (GPT2LMHeadModel) does not know" in message
    assert "50 rows in its embedding matrix, and texts with the ids 50, 60" in message
    assert "resize_token_embeddings" in message


def test_a_smaller_reasoner_accepts_texts_that_use_only_its_ids():
    lm = FlyThinkerLM(padded(101), tiny(seed=1), vocabulary=ANY)  # 101 and 97 rows
    refuse_misfits(lm, [row(4, 6, ((96,),))])
    with pytest.raises(UsageError, match=r"token id 97, which the reasoner"):
        refuse_misfits(lm, [row(4, 6, ((97,),))])


def test_most_positions_are_those_of_the_most_limited_model():
    assert most_positions(gpt2(40)) == 40
    assert most_positions(CoconutLM(tiny())) == 512
