"""What a model's generation_config asks for, and what of it is applied."""

import json

import pytest

from harness.engine.generation_config import advice, asked, not_applied, raw_generation_config
from harness.settings import DecodeSettings

QWEN = {  # as Qwen2.5-Instruct's file
    "bos_token_id": 151643, "do_sample": True, "eos_token_id": [151645, 151643],
    "pad_token_id": 151643, "repetition_penalty": 1.05, "temperature": 0.7, "top_k": 20,
    "top_p": 0.8, "transformers_version": "4.37.0",
}  # fmt: skip
ASKED = [
    (QWEN, {"repetition_penalty": 1.05, "temperature": 0.7, "top_k": 20, "top_p": 0.8}),
    ({**QWEN, "do_sample": False}, {"repetition_penalty": 1.05}),  # greedy: nothing is drawn
    ({"eos_token_id": 2, "pad_token_id": 0, "transformers_version": "5"}, {}),
    ({"do_sample": True, "temperature": 1.0, "top_p": 1.0, "top_k": 0}, {"temperature": 1.0}),
    ({"num_beams": 4, "no_repeat_ngram_size": 3}, {"num_beams": 4, "no_repeat_ngram_size": 3}),
    ({"_from_model_config": True, "suppress_tokens": [], "min_p": None}, {}),
]


@pytest.mark.parametrize(("config", "wanted"), ASKED)
def test_what_a_generation_config_asks_for(config, wanted):
    assert asked(config) == wanted


def test_what_is_not_applied_is_said_with_the_settings_that_apply_it():
    wanted = asked({**QWEN, "no_repeat_ngram_size": 3})
    ours = DecodeSettings(temperature=0.7, top_p=0.95)
    ignored = not_applied(wanted, ours)
    assert ignored == {
        "no_repeat_ngram_size": 3, "repetition_penalty": 1.05, "top_k": 20, "top_p": 0.8
    }  # fmt: skip
    said = advice("Qwen", ignored)
    assert said.startswith("Qwen: its generation_config asks for no_repeat_ngram_size=3,")
    assert "--set decode.top_p=0.8 --set decode.top_k=20 --set decode.repetition_penalty" in said
    all_of_it = DecodeSettings(temperature=0.7, top_p=0.8, top_k=20, repetition_penalty=1.05)
    assert not_applied(asked(QWEN), all_of_it) == {}
    assert advice("Qwen", {}) is None


def test_a_missing_or_wrong_file_asks_for_nothing(tmp_path):
    assert raw_generation_config(str(tmp_path)) == {}
    for text in ("[1]", "no json"):
        (tmp_path / "generation_config.json").write_text(text)
        assert raw_generation_config(str(tmp_path)) == {}
    (tmp_path / "generation_config.json").write_text(json.dumps(QWEN))
    assert raw_generation_config(str(tmp_path)) == QWEN
