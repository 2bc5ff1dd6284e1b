"""Pretraining of the built-in backbones: rows, masks, the first head, the recipe."""

import json
import random
import shutil
from collections import Counter

import pytest
import torch

from harness.engine.backbone_tokenizer import tokenizer_of
from harness.inputs.imports import closure
from harness.mini import BACKBONES, backbone_path
from harness.mini.seeding import stream
from harness.pretraining import pretrain, shape
from harness.pretraining.__main__ import main
from harness.pretraining.chat_rows import Token, collate, encode
from harness.pretraining.copying import binding, copying
from harness.pretraining.corpus import habit_probes, single, thread

VOCABULARY = range(10, 2000)


@pytest.fixture(scope="module")
def tokenizer():
    return tokenizer_of("mini")


def test_the_loss_counts_copied_tokens_from_their_second_occurrence():
    for seed in range(20):
        row = copying(random.Random(seed), VOCABULARY, 96)
        tokens, learned, shows = zip(*row, strict=True)
        period = 96 - sum(learned) - 1  # all but the first period and the token after it
        assert 6 <= period <= 30
        assert len(row) == 96
        assert tokens[period:] == tokens[: 96 - period]
        assert list(learned) == [index > period for index in range(96)]
        assert not any(shows)


def test_the_loss_counts_bound_tokens_after_a_repeated_key():
    count = 0
    for seed in range(20):
        tokens, counted, _ = zip(*binding(random.Random(seed), VOCABULARY, 96), strict=True)
        for index in (index for index, learned in enumerate(counted) if learned):
            key, before = tokens[index - 1], tokens[: index - 1]
            latest = max(place for place, token in enumerate(before) if token == key)
            assert tokens[index] == tokens[latest + 1]
            count += 1
    assert count > 200


def test_the_loss_counts_the_documents_of_a_chat(tokenizer):
    chat = thread(stream("test", 1), 2, long=True)
    row = encode(chat, tokenizer)
    written = tokenizer.decode([token.id for token in row if token.learned])
    assert written == "".join(turn.text + "<|im_end|>" for turn in chat)
    whole = tokenizer.decode([token.id for token in row])
    assert all(turn.input in whole for turn in chat)


def test_only_the_last_document_is_marked_for_preferences(tokenizer):
    chat = thread(stream("test", 2), 2, long=True)
    row = encode(chat, tokenizer)
    last = len(encode(chat[:-1], tokenizer))
    assert not any(token.shows for token in row[:last])
    starts = {place.offset for place in chat[-1].places}
    assert (
        0 < sum(token.shows for token in row) <= len(starts)
    )  # several may start within one token


def test_collated_rows_are_right_padded_and_the_loss_skips_padding():
    rows = [[Token(5, False), Token(6, True), Token(7, True, True)], [Token(8, True)]]
    tokens, learned, shows = collate(rows, pad=0)
    assert tokens.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert learned.tolist() == [[False, True, True], [True, False, False]]
    assert shows.tolist() == [[False, False, True], [False, False, False]]


def test_a_thread_has_the_given_number_of_documents():
    lengths = Counter(len(thread(stream("test", number), 5, long=False)) for number in range(20))
    assert lengths == {5: 20}
    assert len(single(stream("test", 0))) == 1


def test_probes_end_with_the_same_document_after_different_authors():
    for own, other in habit_probes(3, seed=0):
        assert own[-1] == other[-1]
        assert [turn.text for turn in own[:-1]] != [turn.text for turn in other[:-1]]


@pytest.mark.parametrize("step", [0, pretrain.COPYING, pretrain.BINDING, 1199])
def test_a_steps_rows_are_repeatable_and_of_similar_size(step, tokenizer):
    rows = pretrain.rows_of(step, 1200, tokenizer)
    assert rows == pretrain.rows_of(step, 1200, tokenizer)
    assert 2500 < sum(map(len, rows)) < 9000
    special = set(tokenizer.all_special_ids)
    if step < pretrain.BINDING:
        assert not special & {token.id for row in rows for token in row}


@pytest.mark.parametrize("name", shape.SHAPES)
def test_a_new_models_first_head_attends_to_the_previous_token(name, tokenizer):
    model = shape.build(name, tokenizer)
    model.set_attn_implementation("eager")
    tokens = torch.randint(10, 2000, (1, 40), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        first = model(tokens, output_attentions=True).attentions[0][0]
    group = first.size(0) // model.config.num_key_value_heads
    for head in range(group):  # head n of the group looks n + 1 tokens back
        attended = first[head].argmax(-1)
        assert (attended[group:] == torch.arange(group, 40) - head - 1).float().mean() > 0.6
    if name in BACKBONES:
        card = json.loads((backbone_path(name) / "card.json").read_text())
        assert sum(part.numel() for part in model.parameters()) == card["parameters"]


def test_the_sixth_has_a_sixth_of_the_parameters(tokenizer):
    sixth, mini = (
        sum(part.numel() for part in shape.build(name, tokenizer).parameters())
        for name in ("mini-sixth", "mini")
    )
    assert mini / sixth == pytest.approx(6, abs=0.1)


def test_the_loss_equals_that_of_transformers(tokenizer):
    model = shape.build("mini-half", tokenizer)
    tokens = torch.randint(10, 2000, (3, 20), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = pretrain.nll(model, tokens, torch.ones_like(tokens, dtype=torch.bool)).mean()
        torch.testing.assert_close(ours, model(tokens, labels=tokens).loss)


def test_the_learning_rate_rises_and_ends_at_a_twentieth():
    rates = [pretrain.rate(step, 400) for step in range(401)]
    assert rates[0] == 1 / pretrain.WARM_UP
    assert max(rates) == rates[pretrain.WARM_UP] == 1
    assert rates[400] == pytest.approx(0.05)


@pytest.mark.slow
def test_the_recipe_gives_the_packaged_tokenizer(tokenizer, tmp_path):
    trained = pretrain._tokenizer(tmp_path)
    assert trained.get_vocab() == tokenizer.get_vocab()
    text = 'They say "fine" — 12 € 🙂 שלום'
    assert trained(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert trained.decode(trained(text)["input_ids"]) == text


def test_pretraining_resumes_and_saves_a_card(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(pretrain, "backbone_path", lambda name: tmp_path / name)
    monkeypatch.setattr(pretrain, "_tokenizer", lambda work: tokenizer)
    (tmp_path / "work").mkdir()
    main(["mini-half", "--steps", "2", "--work", str(tmp_path / "work")])
    weights = (tmp_path / "mini-half" / "model.safetensors").read_bytes()
    monkeypatch.setattr(pretrain, "rows_of", None)  # a further step would need it
    main(["mini-half", "--steps", "2", "--work", str(tmp_path / "work")])
    assert (tmp_path / "mini-half" / "model.safetensors").read_bytes() == weights
    card = (tmp_path / "mini-half" / "card.json").read_text()
    assert "python -m harness.pretraining mini-half --steps 2" in card
    assert '"own"' in card
    assert '"other"' in card
    with pytest.raises(SystemExit, match=r"belongs to a run with 2 steps, not 3"):
        pretrain.pretrain("mini-half", 3, tmp_path / "work")


def test_further_steps_start_from_the_packaged_weights(tokenizer, tmp_path, monkeypatch):
    folder = shutil.copytree(backbone_path("mini-half"), tmp_path / "mini-half")
    monkeypatch.setattr(pretrain, "backbone_path", lambda name: folder)
    before = json.loads((folder / "card.json").read_text())
    work = str(tmp_path / "work")
    rows = pretrain.further_rows(0, tokenizer)[:2]
    monkeypatch.setattr(pretrain, "further_rows", lambda step, tokenizer: rows)
    main(["mini-half", "--more", "--bf16", "--steps", "1", "--work", work])
    card = json.loads((folder / "card.json").read_text())
    assert card["steps"] == before["steps"] + 1
    assert card["curve"][:-1] == before["curve"]
    assert card["curve"][-1]["step"] == card["steps"]
    assert card["curve"][-1]["seconds"] >= before["seconds"]
    tokenizer_file = (folder / "tokenizer.json").read_bytes()
    assert tokenizer_file == (backbone_path("mini") / "tokenizer.json").read_bytes()
    # one step at a small rate: near the packaged weights, far from untrained ones
    assert abs(card["curve"][-1]["own"] - before["curve"][-1]["own"]) < 0.2
    first, then = card["command"].rsplit("; ", 1)
    assert first == before["command"]
    assert then == "python -m harness.pretraining mini-half --more --steps 1"


def test_nothing_else_imports_the_pretraining():
    starts = ["harness.cli", "harness.pipeline", "harness.mini.benchmark", "harness.mini.parser"]
    modules = closure(starts)
    assert "harness.mini" in modules
    assert not [name for name in modules if name.startswith("harness.pretraining")]
