"""The lean step where rows end, wait or read the same: texts stay those of all rows together."""

import pytest
import torch
from torch.testing import assert_close

from flythinker.replaced_thoughts import DONOR
from harness.engine import CausalLM
from tests.support.agreement import PROMPTS
from tests.support.lean import LMS, NAMES, by
from tests.support.tiny import tiny


@pytest.mark.parametrize("name", NAMES)
def test_rows_that_ended_leave_and_the_others_write_the_same(name, monkeypatch):
    lm, sizes = LMS[name](), []
    step = lm.step

    def counted(tokens, state):
        sizes.append(len(tokens))
        return step(tokens, state)

    drawn = {"temperature": 1.0, "top_p": 0.9, "repetition_penalty": 1.3, "max_new_tokens": 30}
    for options in ({"max_new_tokens": 30}, drawn):
        free = by("transformers", lm, **options)
        ends = {free[0][9], free[1][17]}  # rows end at different steps
        known = by("transformers", lm, eos_id=ends, **options)
        assert len({len(row) for row in known}) > 1
        with monkeypatch.context() as patched:
            patched.setattr(lm, "step", counted)
            assert by("auto", lm, eos_id=ends, **options) == known
        assert min(sizes) < len(PROMPTS)
        sizes.clear()


@pytest.mark.parametrize("name", NAMES)
def test_waiting_prompts_take_the_places_of_ended_rows_and_write_the_same(name, monkeypatch):
    lm, entered, sizes = LMS[name](), [], []
    prompts = [*PROMPTS, *reversed(PROMPTS), PROMPTS[0][1:], PROMPTS[2][2:]]
    prefill, step = lm.prefill, lm.step

    def counted(rows, *given, **named):
        entered.append(len(rows))
        return prefill(rows, *given, **named)

    def stepped(tokens, state):
        sizes.append(len(tokens))
        return step(tokens, state)

    drawn = {"temperature": 1.0, "top_p": 0.9, "repetition_penalty": 1.3}
    for options in ({"max_new_tokens": 20}, {"max_new_tokens": 24, **drawn}):
        free = by("transformers", lm, prompts=prompts, **options)
        ends = {free[0][9], free[1][5]}
        known = by("transformers", lm, prompts=prompts, eos_id=ends, **options)
        with monkeypatch.context() as patched:
            patched.setattr(lm, "prefill", counted)
            patched.setattr(lm, "step", stepped)
            assert by("auto", lm, prompts=prompts, eos_id=ends, rows_at_once=3, **options) == known
        assert max(sizes) == 3
        assert len(entered) > 3  # prompts entered one or two at a time
        assert sum(sizes) < sum(map(len, known)) + len(prompts)  # no step for a row that ended
        entered.clear()
        sizes.clear()


def test_rows_that_read_the_same_share_one_prefill(monkeypatch):
    for name, make in LMS.items():
        lm = make()
        prompts, read, prefill = [PROMPTS[0], PROMPTS[2], PROMPTS[0], PROMPTS[0]], [], lm.prefill
        drawn = {"temperature": 1.0, "max_new_tokens": 8, "prompts": prompts}
        known = by("transformers", lm, **drawn)

        def counted(rows, *given, read=read, prefill=prefill, **named):
            read.append(len(rows))
            return prefill(rows, *given, **named)

        with monkeypatch.context() as patched:
            patched.setattr(lm, "prefill", counted)
            assert by("auto", lm, **drawn) == known, name
        assert read == [3 if getattr(lm, "replacement", "") == DONOR else 2]  # of three donors, two


class OwnStep(CausalLM):
    """A plugin's model that counts its rows."""

    def step(self, tokens, state):
        assert len(tokens) == len(PROMPTS)
        return super().step(tokens, state)


def test_without_a_join_one_batch_follows_another():
    lm = OwnStep(tiny())
    known = by("transformers", CausalLM(tiny()), prompts=PROMPTS * 2)
    assert by("auto", lm, prompts=PROMPTS * 2, rows_at_once=len(PROMPTS)) == known


def test_a_model_with_a_step_of_its_own_keeps_all_rows():
    lm = OwnStep(tiny())
    known = by("auto", CausalLM(tiny()))
    assert by("auto", lm, eos_id=known[0][3])[0] == known[0][: known[0].index(known[0][3])]


def test_a_smaller_state_has_only_the_columns_of_its_longest_row():
    lm = CausalLM(tiny())
    with torch.no_grad():
        _, state = lm.prefill(PROMPTS)  # 7, 1 and 12 tokens
        kept = lm.keep(state, torch.tensor([0, 1]))
        assert (kept.end, kept.lengths.tolist(), kept.bias is None) == (7, [7, 1], False)
        assert lm.keep(state, torch.tensor([0])).bias is None
        logits = lm.step(torch.tensor([5, 6]), kept)[0]
        known = lm.step(torch.tensor([5, 6, 7]), lm.prefill(PROMPTS)[1])[0]
    assert_close(logits, known[:2], atol=1e-5, rtol=0)


@torch.no_grad()
def test_joined_states_leave_no_view_of_their_buffers_behind():
    lm = CausalLM(tiny()).eval()
    states = []
    for _ in range(2):
        logits, state = lm.prefill(PROMPTS)
        states.append(lm.step(logits.argmax(-1), state)[1])
    assert all(state.column for state in states)
    lm.join(*states)
    assert not any(state.column or state.keys or state.values for state in states)
