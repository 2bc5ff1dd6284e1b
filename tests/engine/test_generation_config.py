"""The requests of a model's generation_config, and which of them a run applies."""

import json

import pytest

from harness.engine.generation_config import advice, not_applied, requested
from harness.engine.model_files import model_json
from harness.settings import DecodeSettings

QWEN = {  # as Qwen2.5-Instruct's file
    "bos_token_id": 151643, "do_sample": True, "eos_token_id": [151645, 151643],
    "pad_token_id": 151643, "repetition_penalty": 1.05, "temperature": 0.7, "top_k": 20,
    "top_p": 0.8, "transformers_version": "4.37.0",
}  # fmt: skip
REQUESTS = [
    (QWEN, {"repetition_penalty": 1.05, "temperature": 0.7, "top_k": 20, "top_p": 0.8}),
    ({**QWEN, "do_sample": False}, {"repetition_penalty": 1.05}),  # greedy
    ({"eos_token_id": 2, "pad_token_id": 0, "transformers_version": "5"}, {}),
    ({"do_sample": True, "temperature": 1.0, "top_p": 1.0, "top_k": 0}, {"temperature": 1.0}),
    ({"num_beams": 4, "no_repeat_ngram_size": 3}, {"num_beams": 4, "no_repeat_ngram_size": 3}),
    ({"_from_model_config": True, "suppress_tokens": [], "min_p": None}, {}),
]


@pytest.mark.parametrize(("config", "expected"), REQUESTS)
def test_requests_of_a_generation_config(config, expected):
    assert requested(config) == expected


def test_requests_that_are_not_applied_are_named_with_their_settings():
    request = requested({**QWEN, "no_repeat_ngram_size": 3})
    ours = DecodeSettings(temperature=0.7, top_p=0.95)
    ignored = not_applied(request, ours)
    assert ignored == {
        "no_repeat_ngram_size": 3, "repetition_penalty": 1.05, "top_k": 20, "top_p": 0.8
    }  # fmt: skip
    message = advice("Qwen", ignored)
    assert message.startswith("Qwen: its generation_config requests no_repeat_ngram_size=3,")
    assert "--set decode.top_p=0.8 --set decode.top_k=20 --set decode.repetition_penalty" in message
    everything = DecodeSettings(temperature=0.7, top_p=0.8, top_k=20, repetition_penalty=1.05)
    assert not_applied(requested(QWEN), everything) == {}
    assert advice("Qwen", {}) is None


def test_a_missing_or_broken_file_requests_nothing(tmp_path):
    assert model_json(str(tmp_path), "generation_config.json") == {}
    for text in ("[1]", "no json"):
        (tmp_path / "generation_config.json").write_text(text)
        assert model_json(str(tmp_path), "generation_config.json") == {}
    (tmp_path / "generation_config.json").write_text(json.dumps(QWEN))
    assert model_json(str(tmp_path), "generation_config.json") == QWEN
