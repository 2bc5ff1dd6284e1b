"""The lean step against transformers' forward: log-probs and texts of every family and method."""

import pytest
import torch
from torch.testing import assert_close

from harness.engine import CausalLM, generate
from harness.engine.decode import NotANumberError
from harness.engine.lean_models import choice_of, step_taken
from harness.engine.lean_state import BLOCK, LeanState
from tests.support.agreement import PROMPTS, RESPONSES, alone, prefill_and_step
from tests.support.lean import FAMILIES, LMS, NAMES, by, changed, models_of, small_blocks
from tests.support.tiny import of_family, tiny


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_logprobs_are_those_of_the_models_own_forward(family):
    name, options = FAMILIES[family]
    lm = CausalLM(changed(of_family(name, **options)))
    assert isinstance(lm.prefill(PROMPTS)[1], LeanState), choice_of(lm.model).refusal
    known = alone(lm, PROMPTS, RESPONSES)
    for prefix in (0, 2):
        found = prefill_and_step(prefix)(lm, PROMPTS, RESPONSES)
        for row, expected in zip(found, known, strict=True):
            assert_close(row, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", ["qwen2", "qwen3", "llama-biases", "llama-yarn"])
def test_texts_are_those_of_transformers_past_a_full_buffer(family, monkeypatch):
    small_blocks(monkeypatch)
    name, options = FAMILIES[family]
    lm = CausalLM(changed(of_family(name, **options)))
    known = by("transformers", lm, max_new_tokens=40)
    assert by("auto", lm, max_new_tokens=40) == known
    assert step_taken([lm.model]) == "lean"
    assert [generate(lm, [row], max_new_tokens=40)[0] for row in PROMPTS] == known


@pytest.mark.parametrize("name", NAMES)
def test_every_model_writes_the_same_texts(name):
    lm = LMS[name]()
    drawn = {"temperature": 1.0, "top_p": 0.9, "max_new_tokens": 20}
    greedy = {"max_new_tokens": 30}
    known = by("transformers", lm, **greedy), by("transformers", lm, **drawn)
    assert (by("auto", lm, **greedy), by("auto", lm, **drawn)) == known
    stacked = name.startswith("flythinker-") and name.split("-")[1] not in (
        "serial", "concurrent", "narrow"
    )  # fmt: skip
    assert step_taken(models_of(lm)) == ("lean, stacked" if stacked else "lean")


@pytest.mark.parametrize("name", ["causal", "flythinker-stacked", "flythinker-narrow"])
def test_a_text_continues_after_a_prefix(name):
    lm = LMS[name]()
    whole = by("auto", lm, max_new_tokens=12)
    rest = by("auto", lm, max_new_tokens=8, prefixes=[row[:4] for row in whole])
    assert [row[:4] + more for row, more in zip(whole, rest, strict=True)] == whole


@torch.no_grad()
def test_steps_of_one_column_share_their_buffers_until_the_state_grows():
    lm = CausalLM(tiny()).eval()
    logits, state = lm.prefill(PROMPTS)
    columns = []
    for _ in range(BLOCK + 1):
        logits, state = lm.step(logits.argmax(-1), state)
        columns.append(state.column)
    assert columns[0] is columns[BLOCK - 1] is not None
    assert columns[BLOCK] is not columns[0]
    wide = CausalLM(tiny().to(torch.bfloat16)).eval()
    logits, state = wide.prefill(PROMPTS)
    assert wide.step(logits.argmax(-1), state)[1].column is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_passes_the_check(dtype):
    lm = CausalLM(tiny().to(dtype))
    generate(lm, PROMPTS, max_new_tokens=3)
    assert step_taken([lm.model]) == "lean"


def test_a_row_that_is_no_number_fails_alone():
    lm = CausalLM(tiny())
    known = by("auto", lm, max_new_tokens=20)
    lm.model.model.embed_tokens.weight.data[7] = float("nan")
    # 7 is in no row but the broken one; the head is tied, so its logit is never finite
    lm.model.lm_head.weight = torch.nn.Parameter(tiny().lm_head.weight.data.clone())
    rows = [PROMPTS[0], [7, 1], PROMPTS[1]]
    with pytest.raises(NotANumberError) as failed:
        generate(lm, rows, max_new_tokens=20)
    assert failed.value.tokens_before == {1: 0}
    texts = failed.value.texts
    alike = [(texts[0], known[0]), (texts[2], known[1])]
    for text, expected in alike:
        cut = expected.index(7) if 7 in expected else len(expected)
        assert text[:cut] == expected[:cut]
