"""The step that one CUDA graph holds, kernel by kernel on a CPU: texts are those of transformers.

tests/engine/test_cuda.py has the graph itself.
"""

import pytest
import torch

from harness.engine import CausalLM, generate, lean_step
from harness.engine.lean_graph import GraphedColumn
from harness.engine.lean_models import step_taken
from tests.support.agreement import PROMPTS
from tests.support.lean import FAMILIES, LMS, NAMES, by, changed, models_of, small_blocks
from tests.support.tiny import of_family, tiny


@pytest.fixture(autouse=True)
def graphs(monkeypatch):
    monkeypatch.setattr(lean_step, "kind_of_column", lambda weight: GraphedColumn)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_writes_the_same_texts(name):
    lm = LMS[name]()
    known = by("transformers", lm)
    assert by("auto", lm) == known
    assert step_taken(models_of(lm)).startswith("lean")


@pytest.mark.parametrize("family", ["qwen2", "qwen3", "llama-biases", "llama-yarn"])
def test_a_full_buffer_gives_a_new_graph(family, monkeypatch):
    small_blocks(monkeypatch)
    name, options = FAMILIES[family]
    lm = CausalLM(changed(of_family(name, **options)))
    assert by("auto", lm, max_new_tokens=40) == by("transformers", lm, max_new_tokens=40)


def test_rows_leave_and_join():
    prompts = PROMPTS * 3
    lm = CausalLM(changed(tiny()))
    ends = {"eos_id": list(range(20)), "max_new_tokens": 30}
    known = by("transformers", lm, prompts, **ends)
    assert by("auto", lm, prompts, rows_at_once=4, **ends) == known
    assert len({len(text) for text in known}) > 2


@torch.no_grad()
def test_a_graph_follows_columns_that_others_appended():
    lm, tokens = CausalLM(changed(tiny())), torch.tensor([5, 7])
    prompts = [[3, 1, 4], [2]]
    state = lm.prefill(prompts)[1]
    embed = lm.model.get_input_embeddings()
    columns = embed(torch.tensor([[8, 9, 1], [6, 4, 2]]))[None]
    lm.step(tokens, state)
    state.decoder.extend(columns[:, :, :2], state)
    found = state.decoder.extend(columns[:, :, 2:], state)
    other = lm.prefill([[3, 1, 4, 5, 8, 9], [2, 7, 6, 4]])[1]
    known = other.decoder.extend(columns[:, :, 2:], other)
    torch.testing.assert_close(found, known, atol=1e-5, rtol=0)
    assert isinstance(state.column, GraphedColumn)


def test_in_bfloat16_too():
    lm = CausalLM(changed(tiny("llama")).bfloat16())
    assert generate(lm, PROMPTS, max_new_tokens=5)
    assert step_taken([lm.model]) == "lean"
