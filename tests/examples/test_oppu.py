"""OPPU: adapters by hand, each user's own, resumed after a kill, and the conformance kit."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from harness_example_methods.cope import Cope
from harness_example_methods.cope_decoding import CopeDecoding
from harness_example_methods.low_rank import Adapter, LowRankLinear, insert
from harness_example_methods.oppu import HISTORY, Oppu, OppuLM, OppuOptions, key_of
from harness_example_methods.user_adapters import KeptAdapters
from torch import nn
from torch.testing import assert_close

from harness.conformance import check_method, failures
from harness.conformance.world import World, logprobs
from harness.engine import Batch, CausalLM, generate
from harness.engine.devices import number_type
from harness.engine.number_types import NumberTypes
from harness.errors import UsageError
from harness.pipeline.single import run
from tests.support.agreement import PROMPTS, RESPONSES
from tests.support.runs import StopNowError, settings, texts, without_times
from tests.support.tiny import tiny

VISIBLE = {"user_lr": 0.05, "user_epochs": 4.0, "dropout": 0.0}
"""Options under which an adapter changes much within seconds."""
USERS = [[1, 1], [2, 2], [3, 3]]
"""Rows of the view: two users with an adapter, one without."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(Oppu, tmp_path_factory.mktemp("oppu"), VISIBLE)


@pytest.fixture(scope="module")
def lm():
    """A model with two users' random adapters."""
    made = OppuLM(tiny(), OppuOptions(rank=2, alpha=4.0))
    layers = made.open_layers()
    adapters = {}
    for seed, row in enumerate(USERS[:2]):
        adapter = Adapter(layers, 2, seed)
        for number, up in enumerate(adapter.up):
            torch.manual_seed(10 * seed + number)
            nn.init.normal_(up, std=0.3)
        adapters[tuple(row)] = adapter
    made.keep_users(adapters)
    made.adapters = list(adapters.values())
    return made.eval()


def batch(users):
    return Batch.from_rows(PROMPTS, RESPONSES, 0, views={HISTORY: users})


def test_the_kit_passes():
    assert not failures(check_method(Oppu, VISIBLE))


def test_a_change_by_hand():
    # x (1,2), W = identity. A = (1,1): A x = 3. B = (1,0)ᵀ: (3,0); scale 2: (1,2) + (6,0)
    linear = nn.Linear(2, 2, bias=False)
    linear.weight.data = torch.eye(2)
    layer = LowRankLinear(linear, scale=2.0, dropout=0.0)
    x = torch.tensor([[[1.0, 2.0]], [[1.0, 2.0]]])
    down = torch.tensor([[[1.0, 1.0]], [[0.0, 0.0]]])  # the second row has no adapter
    up = torch.tensor([[[1.0], [0.0]], [[1.0], [0.0]]])
    layer.change = (down, up)
    assert_close(layer(x), torch.tensor([[[7.0, 2.0]], [[1.0, 2.0]]]))
    layer.change = None
    assert_close(layer(x), x)


def test_a_user_is_the_model_with_the_product_added_to_its_weights(lm):
    with torch.no_grad():
        for user, adapter in enumerate(lm.adapters):
            merged, layer = tiny(), 0
            for block in merged.model.layers:
                for name in ("q_proj", "v_proj"):
                    change = adapter.up[layer] @ adapter.down[layer] * (4.0 / 2)
                    getattr(block.self_attn, name).weight += change
                    layer += 1
            expected = CausalLM(merged).logprobs(batch(USERS))
            assert_close(lm.logprobs(batch([USERS[user]] * 3)), expected, atol=1e-5, rtol=0)


def test_users_in_one_batch_are_each_alone(lm):
    with torch.no_grad():
        together = lm.logprobs(batch(USERS))
        for row in range(3):
            single = Batch.from_rows(
                PROMPTS[row : row + 1], RESPONSES[row : row + 1], 0, views={HISTORY: [USERS[row]]}
            )
            alone = lm.logprobs(single)[0]
            assert_close(together[row, : alone.numel()], alone, atol=1e-5, rtol=0)
    prompt, options = [PROMPTS[0]], {"max_new_tokens": 6, "temperature": 1.0}
    mixed = generate(lm, prompt * 3, views={HISTORY: USERS}, seeds=[5] * 3, **options)
    for user, text in zip(USERS, mixed, strict=True):
        assert generate(lm, prompt, views={HISTORY: [user]}, seeds=[5], **options) == [text]
    assert len({tuple(text) for text in mixed}) > 1


def test_an_unknown_user_is_the_task_model(lm):
    plain = CausalLM(tiny())
    with torch.no_grad():
        expected = plain.logprobs(batch(USERS))
        assert torch.equal(lm.logprobs(batch([USERS[2]] * 3)), expected)
        assert_close(lm.logprobs(batch(USERS))[2], expected[2], atol=1e-5, rtol=0)


def test_a_model_without_the_layers_and_a_batch_without_the_view_are_errors():
    with pytest.raises(UsageError, match=r"Qwen2ForCausalLM has no layers called c_attn"):
        insert(tiny(), ("c_attn",), 1.0, 0.0)
    with pytest.raises(ValueError, match=r"oppu got views \[\]; expected history"):
        OppuLM(tiny()).prefill(PROMPTS)


def adapted(world, order=1):
    plan = world.plan()
    lm = world.build(plan)
    plan.method.adapt(lm, plan.test.examples[::order])
    return plan, lm


def test_an_adapter_is_its_users_own(world):
    plan, lm = adapted(world)
    _, backwards = adapted(world, order=-1)
    assert len(lm.users) == 3  # of five test users, two have no profile
    for row, number in lm.users.items():
        for (down, up), (same_down, same_up) in zip(lm._stacks, backwards._stacks, strict=True):
            other = backwards.users[row]
            assert torch.equal(down[number], same_down[other])
            assert torch.equal(up[number], same_up[other])
    ups = [up[1:].flatten(1) for _, up in lm._stacks]
    assert all(len(up.unique(dim=0)) == 3 for up in ups)
    work = plan.method.user_work(plan.test.examples)
    assert work.seconds > 0
    assert work.flops > 0
    # each user's past texts are likelier with the adapter than without
    example = plan.test.examples[1]
    rows = [replace(row, views={HISTORY: ()}) for row in plan.method.history(example)]
    own = next(row for row, number in lm.users.items() if number == 1)
    without = torch.cat(logprobs(lm, rows)).mean()
    rows = [replace(row, views={HISTORY: own}) for row in rows]
    assert torch.cat(logprobs(lm, rows)).mean() > without + 0.1


def test_history_is_the_profile_and_never_a_text_in_its_own_prompt(world):
    plan = World(Oppu, world.folder, {**VISIBLE, "read_profile": True}).plan()
    writer = plan.method.writer
    writer.budget = writer.budget.model_copy(update={"input": 200, "profile": 500})
    tokenizer = plan.backbones.tokenizer
    example = plan.test.examples[3]
    assert len(example.profile) == 3
    rows = plan.method.history(example)
    for index, row in enumerate(rows):
        prompt, text = (tokenizer.decode(list(ids)) for ids in (row.prompt, row.response))
        assert text.startswith(example.profile[index]["reviewText"][:20])
        later = [entry["reviewText"] for entry in example.profile[index:]]
        assert not any(each in prompt for each in later)
        assert example.profile[index]["description"] in prompt
    reference = plan.test.references[example.id].text
    assert not any(reference in tokenizer.decode(list(row.response)) for row in rows)


@pytest.mark.parametrize("method", [Oppu, CopeDecoding, Cope], ids=lambda method: method.name)
def test_what_adapters_lack_is_said_before_the_task_stage(world, method):
    plan = World(method, world.folder).plan()
    plan.method.writer.task = replace(plan.method.writer.task, request=None)
    with pytest.raises(UsageError, match=r"task 'product_review' has no `request`"):
        plan.build()
    plan = World(method, world.folder, {"layers": ("c_attn",)}).plan()
    with pytest.raises(UsageError, match=r"has no layers called c_attn; expected at least one"):
        plan.build()


def test_a_resumed_run_trains_adapters_in_the_number_type_of_the_run(
    tmp_path, reviews, backbone, monkeypatch
):
    types = NumberTypes(torch.bfloat16, torch.bfloat16)
    monkeypatch.setattr("harness.pipeline.job.number_types", lambda *_: types)
    chosen = settings(reviews, backbone, "oppu", "model.dtype=auto")
    chosen = chosen.model_copy(update={"method": {**VISIBLE, "user_epochs": 1.0}})
    used, train_user = [], Oppu.train_user

    def noted(self, lm, adapter, example, seed):
        used.append(number_type(self.settings.model, lm.device))
        return train_user(self, lm, adapter, example, seed)

    monkeypatch.setattr(Oppu, "train_user", noted)
    run(chosen, "oppu", tmp_path, factory=Oppu, until="trained")
    done = run(chosen, "oppu", tmp_path, factory=Oppu)  # its model is loaded, not trained
    (resumed,) = done.folder.glob("users-*")
    assert set(used) == {torch.bfloat16}
    shutil.move(resumed, tmp_path / "kept")
    shutil.rmtree(done.folder)
    whole = run(chosen, "oppu", tmp_path, factory=Oppu)
    (uninterrupted,) = whole.folder.glob("users-*")
    assert uninterrupted.name == resumed.name
    assert texts(whole) == texts(done)


@pytest.mark.slow
def test_a_killed_run_goes_on_at_the_next_user(tmp_path, reviews, backbone, monkeypatch):
    chosen = settings(reviews, backbone, "oppu", "eval.lift=likelihood")
    chosen = chosen.model_copy(update={"method": VISIBLE})
    whole = run(chosen, "oppu", tmp_path / "whole", factory=Oppu)
    trained, train_user = [], Oppu.train_user

    def stops(self, lm, adapter, example, seed):
        if len(trained) == 5:
            raise StopNowError
        trained.append(key_of(example))
        return train_user(self, lm, adapter, example, seed)

    monkeypatch.setattr(Oppu, "train_user", stops)
    with pytest.raises(StopNowError):
        run(chosen, "oppu", tmp_path / "killed", factory=Oppu)
    (folder,) = (tmp_path / "killed").glob("*/oppu/*/users-*")
    damaged = sorted(folder.glob("*.safetensors"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    first, trained[:] = list(trained), []
    resumed = run(chosen, "oppu", tmp_path / "killed", factory=Oppu)
    every = {key_of(each) for each in oppu_examples(chosen)}
    assert len(every) == 8  # 4 users with two profiles each
    assert set(trained) == every - set(first) | {damaged.stem}
    assert texts(resumed) == texts(whole)
    for record in (whole.record, resumed.record):
        assert record.inference.user_work_s > 0
        assert record.inference.user_work_flops > 0
        assert record.lift.likelihood
    costs = [json.loads(each.read_text())["value"] for each in folder.glob("*.json")]
    spent = sum(each["seconds"] for each in costs)
    assert resumed.record.inference.user_work_s == pytest.approx(spent)
    assert without_times(resumed.record.likelihood.__dict__) == without_times(
        whole.record.likelihood.__dict__
    )


def oppu_examples(chosen):
    from harness.data import load_splits

    return load_splits(chosen, ["test"])["test"].examples


def test_adapters_of_another_task_are_not_read(world, lm, tmp_path):
    method = world.plan().method
    method.workspace = tmp_path
    before = KeptAdapters.of(method, lm).folder
    assert KeptAdapters.of(method, lm).folder == before
    method.writer.task = replace(method.writer.task, request="Write of {summary}.")
    assert KeptAdapters.of(method, lm).folder != before
