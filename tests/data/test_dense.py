"""Dense retrieval with a tiny random encoder from a folder."""

from __future__ import annotations

import shutil
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from harness.data import TOPIC_WRITING, ranking
from harness.data.dense import Encoder, dense_order
from harness.errors import UsageError
from harness.settings import RetrievalSettings
from harness.types import Example

WORDS = ["[PAD]", "[UNK]", "tea", "cup", "pot", "rain", "snow", "sun"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=12, pad_token_id=0,
    )  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def entry(content: str) -> dict[str, str]:
    return {"summary": "", "content": content}


@pytest.mark.parametrize("name", ["enc", "enc[1]", "enc*"])
def test_the_entry_with_the_same_words_comes_first(encoder: Path, tmp_path: Path, name: str):
    copy = shutil.copytree(encoder, tmp_path / name)
    example = Example(
        "t", "u", "topic_writing", "rain snow", tuple(map(entry, ["tea", "rain snow", "cup pot"]))
    )
    settings = RetrievalSettings(ranking="dense", dense_model=str(copy), k=1)
    assert ranking(TOPIC_WRITING, settings)(example).order == [1]


def test_ties_keep_the_profiles_order_and_an_empty_profile_is_allowed(encoder: Path):
    order = partial(dense_order, Encoder(str(encoder), "a setting"), TOPIC_WRITING)
    example = Example("t", "u", "topic_writing", "sun", (entry("tea"), entry("sun"), entry("tea")))
    assert order(example) == [1, 0, 2]
    assert order(Example("t", "u", "topic_writing", "sun", ())) == []


def test_a_vector_is_the_unit_mean_of_its_real_tokens(encoder: Path):
    known = Encoder(str(encoder), "a setting")
    padded, _ = known.vectors(["tea cup", "tea cup pot rain snow sun tea"])
    ids = torch.tensor([[WORDS.index("tea"), WORDS.index("cup")]])
    with torch.no_grad():
        mean = known.encoder(input_ids=ids).last_hidden_state[0].mean(dim=0)
    assert_close(padded, mean / mean.norm(), atol=1e-5, rtol=0)


def test_a_text_is_cut_at_the_encoders_maximum_length(encoder: Path):
    known = Encoder(str(encoder), "a setting")
    whole, cut = known.vectors(["tea " * 40, "tea " * 12])
    assert_close(whole, cut, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("kind", "longest"),
    [("bert", 12), ("roberta", 11), ("xlm-roberta", 11), ("camembert", 11), ("mpnet", 10)],
)
def test_a_tokenizer_without_a_length_leaves_the_positions_as_the_limit(
    encoder: Path, tmp_path: Path, kind: str, longest: int
):
    """12 rows of positions; those of padding are lost: `padding_idx` 0, and always 1 in MPNet."""
    from transformers import AutoConfig, AutoModel

    copy = shutil.copytree(encoder, tmp_path / kind)
    config = AutoConfig.for_model(
        kind, vocab_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=12, pad_token_id=0,
    )  # fmt: skip
    AutoModel.from_config(config).save_pretrained(copy)
    known = Encoder(str(copy), "a setting")
    assert known.longest == longest
    whole, cut = known.vectors(["tea " * 40, "tea " * longest])
    assert_close(whole, cut, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("written", "longest"),
    [
        ('{"max_seq_length": 3}', 3),
        ('{"max_seq_length": 99}', 12),
        ('{"max_seq_length": null}', 12),
    ],
)
def test_the_length_of_sentence_transformers_counts(
    encoder: Path, tmp_path: Path, written: str, longest: int
):
    copy = shutil.copytree(encoder, tmp_path / "sentences")
    (copy / "sentence_bert_config.json").write_text(written)
    known = Encoder(str(copy), "a setting")
    assert known.longest == longest
    words = ["tea", "cup", "pot", "rain"]
    whole, cut = known.vectors([" ".join(words), " ".join(words[:longest])])
    assert_close(whole, cut, atol=1e-5, rtol=0)


def test_a_broken_file_of_sentence_transformers_is_refused(encoder: Path, tmp_path: Path):
    copy = shutil.copytree(encoder, tmp_path / "broken")
    (copy / "sentence_bert_config.json").write_text("{")
    with pytest.raises(UsageError, match=r"a setting = .*broken: JSONDecodeError"):
        Encoder(str(copy), "a setting")


def test_a_missing_encoder_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"retrieval\.dense_model = .*nowhere"):
        ranking(
            TOPIC_WRITING,
            RetrievalSettings(ranking="dense", dense_model=str(tmp_path / "nowhere")),
        )


def test_without_a_network_the_hub_is_asked_once(monkeypatch, capfd):
    """huggingface_hub would try six times for each file, for 50 s, and print every attempt."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    begin = time.monotonic()
    with pytest.raises(UsageError, match=r"retrieval\.dense_model = some/encoder: "):
        Encoder("some/encoder", "retrieval.dense_model")
    assert "Retrying" not in capfd.readouterr().err
    assert time.monotonic() - begin < 20
    assert not constants.HF_HUB_OFFLINE


def test_token_vectors_are_the_models_hidden_states(encoder: Path):
    """A text in a batch with a longer one has the states that transformers gives it alone."""
    from transformers import AutoModel, AutoTokenizer

    known = Encoder(str(encoder), "a setting")
    _, found = known.token_vectors(["tea cup pot rain snow", " rain snow "], 1)
    batch = AutoTokenizer.from_pretrained(encoder)("rain snow", return_tensors="pt")
    with torch.inference_mode():
        states = AutoModel.from_pretrained(encoder).eval()(**batch).last_hidden_state[0]
    unit = torch.nn.functional.normalize(states, dim=-1).double()
    assert_close(torch.from_numpy(found.vectors), unit, atol=1e-5, rtol=0)
    assert found.words.all()
    assert (known.layers, known.longest) == (1, 12)


@pytest.mark.parametrize("stored", [torch.float16, torch.bfloat16])
def test_an_encoder_stored_in_half_precision_computes_in_float32(
    encoder: Path, tmp_path: Path, stored: torch.dtype
):
    """In half precision, cosines of unlike texts tie. Expected: transformers in float32."""
    from transformers import AutoModel

    copy = shutil.copytree(encoder, tmp_path / "half")
    AutoModel.from_pretrained(encoder).to(stored).save_pretrained(copy)
    known = Encoder(str(copy), "a setting")
    (found,) = known.vectors(["tea cup"])
    exact = AutoModel.from_pretrained(copy, dtype=torch.float32).eval()
    ids = torch.tensor([[WORDS.index("tea"), WORDS.index("cup")]])
    with torch.no_grad():
        mean = exact(input_ids=ids).last_hidden_state[0].mean(dim=0)
    assert_close(found, mean / mean.norm(), atol=1e-6, rtol=0)
    (tokens,) = known.token_vectors(["tea cup"], 1)
    assert tokens.vectors.shape == (2, 16)


def test_a_model_that_cannot_encode_is_refused_by_its_setting(encoder: Path, tmp_path: Path):
    from transformers import T5Config, T5Model

    copy = shutil.copytree(encoder, tmp_path / "t5")
    sizes = {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}
    T5Model(T5Config(vocab_size=8, **sizes)).save_pretrained(copy)
    with pytest.raises(UsageError, match=r"retrieval.dense_model = .*t5: ValueError: You must"):
        Encoder(str(copy), "retrieval.dense_model")


def test_a_model_without_a_pad_token_encodes_as_one_text_at_a_time(tmp_path: Path, encoder: Path):
    import json

    copy = shutil.copytree(encoder, tmp_path / "no-pad")
    file = copy / "tokenizer_config.json"
    said = {key: value for key, value in json.loads(file.read_text()).items() if key != "pad_token"}
    file.write_text(json.dumps({**said, "eos_token": "[UNK]"}))
    texts = ["tea", "rain snow sun"]
    together = Encoder(str(copy), "a setting")
    assert together.tokenizer.pad_token == "[UNK]"
    alone = Encoder(str(copy), "a setting", batch_size=1)
    assert_close(together.vectors(texts), alone.vectors(texts))
