"""Training variants: what stays frozen, what thoughts depend on, and sft with equal FLOPs."""

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from flythinker.variants import PositionThinkerLM, prepared
from harness.engine import Batch, generate
from harness.errors import UsageError
from tests.support.agreement import PROMPTS, RESPONSES
from tests.support.runs import go
from tests.support.tiny import VOCABULARY, tiny


def position_thinker():
    return PositionThinkerLM(tiny(), tiny(seed=1, width=16), lam=1.5, concurrent=False)


def test_position_thoughts_do_not_depend_on_the_text():
    lm = position_thinker()
    rows = torch.tensor([[5, 0, 9, 11], [1, 2, 3, 4]])
    first, second = lm.think(rows, torch.ones_like(rows, dtype=torch.bool))
    assert torch.equal(first, second)
    distances = torch.pdist(first)
    assert distances.min() > 0.01  # but they do depend on the position
    # the reasoner reads the tokens 0, 1, 2, 3, whatever the text
    read = lm.reasoner(torch.tensor([[0, 1, 2, 3]]), output_hidden_states=True).hidden_states[-1]
    assert_close(torch.nn.functional.normalize(first, dim=-1),
                 torch.nn.functional.normalize(read[0], dim=-1))  # fmt: skip


@pytest.mark.parametrize("side", ["left", "right"])
def test_positions_count_from_the_first_token_in_batches_and_steps(side):
    lm = position_thinker()
    given = lm.logprobs(Batch.from_rows(PROMPTS, RESPONSES, 0, side=side))
    for at, (prompt, response) in enumerate(zip(PROMPTS, RESPONSES, strict=True)):
        alone = lm.logprobs(Batch.from_rows([prompt], [response], 0))[0]
        assert_close(given[at, : len(response)], alone, atol=1e-5, rtol=0)
        logits, state = lm.prefill([prompt])
        steps = [logits]
        for token in response[:-1]:
            logits, state = lm.step(torch.tensor([token]), state)
            steps.append(logits)
        stepped = torch.cat(steps).log_softmax(-1)[range(len(response)), response]
        assert_close(stepped, alone, atol=1e-5, rtol=0)
    assert generate(lm, PROMPTS, max_new_tokens=5) != [[]] * 3


def test_positions_past_the_vocabulary_wrap_around():
    lm = position_thinker()
    places = torch.tensor([[0, VOCABULARY - 1, VOCABULARY, VOCABULARY + 3]])
    assert lm.reasoner_ids(places, places).tolist() == [[0, VOCABULARY - 1, 0, 3]]


def test_random_weights_depend_on_the_seed_and_change_no_other_draw():
    reasoner = tiny(seed=1)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    made = [prepared(reasoner, "random", seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.rand(3), expected)
    weights = [model.model.layers[0].self_attn.q_proj.weight for model in made]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not any(part.requires_grad for part in made[0].parameters())
    assert all(part.requires_grad for part in prepared(tiny(), "trained", 0).parameters())


NAME = "reasoner.model.layers.0.self_attn.q_proj.weight"


def test_a_frozen_reasoner_keeps_its_weights(tmp_path, reviews, backbone):
    # seed 1: with 0 random weights would be those of the fixture's backbone
    pretrained = load_file(backbone / "model.safetensors")[NAME.removeprefix("reasoner.")]
    kept = {}
    for weights in ("trained", "frozen", "random"):
        asked = (
            f"method.reasoner_weights={weights}",
            "eval.likelihood=false",
            "eval.authors=false",
        )
        outcome = go(tmp_path, reviews, backbone, "flythinker", *asked, seed=1)
        kept[weights] = load_file(outcome.folder / "model.safetensors")
        training = outcome.record.training
        whole = outcome.record.backbone.parameters
        assert training.trainable_parameters == whole * (2 if weights == "trained" else 1)
    assert torch.equal(kept["frozen"][NAME], pretrained)
    assert not torch.equal(kept["trained"][NAME], pretrained)
    assert not torch.allclose(kept["random"][NAME], pretrained, atol=1e-2)
    generator = NAME.replace("reasoner", "generator")
    assert not torch.equal(kept["frozen"][generator], pretrained)


def test_sft_with_the_flops_of_flythinker_takes_more_steps(tmp_path, reviews, backbone):
    asked = ("train.epochs=4", "train.batch_size=1", "eval.likelihood=false")
    cost = {}
    for name, method, more in (
        ("plain", "sft", ()),
        ("equal", "sft", ("method.flops_of=flythinker",)),
        ("flythinker", "flythinker", ()),
    ):
        training = go(tmp_path, reviews, backbone, method, *asked, *more).record.training
        cost[name] = training.flops["steps"]
    assert training.epochs == 4
    assert cost["equal"] == pytest.approx(cost["flythinker"], rel=0.03)  # one row of some 40
    assert cost["plain"] < 0.7 * cost["equal"]


def test_an_unknown_variant_is_named(tmp_path, reviews, backbone):
    with pytest.raises(
        UsageError, match=r"reasoner_weights = 'melted'; .*'trained', 'frozen' or 'random'"
    ):
        go(tmp_path, reviews, backbone, "flythinker", "method.reasoner_weights=melted")
