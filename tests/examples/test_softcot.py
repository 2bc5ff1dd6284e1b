"""SoftCoT: thoughts as by hand, frozen models, and the conformance kit."""

import pytest
import torch
from harness_example_methods.softcot import SoftCoT, SoftCoTLM
from torch.testing import assert_close

from harness.conformance import check_method, failures
from harness.engine import Batch, CausalLM
from tests.support.agreement import PROMPTS, RESPONSES
from tests.support.tiny import tiny


def make():
    return SoftCoTLM(tiny(), tiny(seed=1, width=16), n_thoughts=2)


@pytest.mark.slow
def test_the_kit_passes():
    assert not failures(check_method(SoftCoT))


def test_thoughts_are_the_projected_states_at_the_placeholders():
    lm, prompt = make(), [5, 9, 2]
    with torch.no_grad():
        rows = lm.reasoner.get_input_embeddings().weight  # [V,16]
        inputs = torch.cat([rows[prompt], rows.mean(0).expand(2, -1)])[None]
        states = lm.reasoner.base_model(inputs_embeds=inputs).last_hidden_state[0, -2:]
        by_hand = states @ lm.projection.weight.T + lm.projection.bias
        # whatever stands beside it in the batch
        assert_close(lm.vectors([prompt, PROMPTS[2]])[0], by_hand, atol=1e-5, rtol=0)


def test_the_text_follows_prompt_and_thoughts():
    lm, prompt, text = make(), [5, 9, 2], [3, 0, 2]
    with torch.no_grad():
        rows = lm.model.get_input_embeddings().weight
        inputs = torch.cat([rows[prompt], lm.vectors([prompt])[0], rows[text]])[None]
        logits = lm.model(inputs_embeds=inputs).logits[0]
        by_hand = logits[4:7].log_softmax(-1).gather(-1, torch.tensor(text)[:, None])[:, 0]
        batch = Batch.from_rows([prompt, *PROMPTS], [text, *RESPONSES], 0)
        assert_close(lm.logprobs(batch)[0, :3], by_hand, atol=1e-5, rtol=0)


def test_only_the_projection_is_trained():
    lm = make()
    lm.loss(Batch.from_rows(PROMPTS, RESPONSES, 0)).backward()
    trained = {name for name, part in lm.named_parameters() if part.grad is not None}
    assert trained == {"projection.weight", "projection.bias"}
    plain = CausalLM(tiny())  # the frozen model's weights are those of the backbone
    assert_close(dict(lm.model.named_parameters()), dict(plain.model.named_parameters()))
