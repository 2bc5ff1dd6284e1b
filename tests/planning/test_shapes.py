"""Shapes of models from a config.json alone."""

import json

import pytest

from harness.errors import UsageError
from harness.planning.shapes import Shape, _shape, shapes_of
from harness.settings import ModelSettings

PARAMETERS = [  # as the models' cards and files give them
    ("Qwen/Qwen2.5-0.5B-Instruct", 494_032_768),
    ("Qwen/Qwen2.5-1.5B-Instruct", 1_543_714_304),
    ("Qwen/Qwen2.5-3B-Instruct", 3_085_938_688),
    ("Qwen/Qwen2.5-7B-Instruct", 7_615_616_512),
    ("smollm2", 134_515_008),
    ("mini", 1_050_752),
]


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS)
def test_a_shape_has_its_models_parameters(name, parameters):
    (shape,) = shapes_of("sft", ModelSettings(backbone=name))
    assert (shape.parameters, shape.trained) == (parameters, parameters)


def test_flops_of_a_row_by_hand():
    shape = Shape("a", 100, 100, body=10, head=5, layers=2, width=4, inner=8, attention=3, cache=8,
                  vocabulary=7)  # fmt: skip
    # 2·10 for each of 4 positions; 4·3 for each of 4·5/2 pairs; 2·5 for each of 2 rows of logits
    assert shape.flops(4, 2) == 80 + 120 + 20
    assert shape.training_flops(4, 2) == 3 * 220


def test_adapters_are_what_is_trained():
    settings = ModelSettings(backbone="mini", adapter="lora", lora_rank=4, lora_targets=("q_proj",))
    (shape,) = shapes_of("sft", settings)
    (whole,) = shapes_of("sft", ModelSettings(backbone="mini"))
    wide = shape.trained / (4 * shape.layers)  # in + out of a square matrix
    assert wide == 2 * shape.width
    assert shape.parameters == whole.parameters + shape.trained
    assert shape.training_flops(4, 2) == 2 * shape.flops(4, 2)  # no gradients of frozen weights


def test_flythinker_has_two_models_and_its_reasoner_no_logits():
    first, second = shapes_of("flythinker", ModelSettings(backbone="mini", reasoner="mini-half"))
    assert (first.head > 0, second.head) == (True, 0)
    assert second.parameters < first.parameters
    whole = shapes_of("flythinker-shared", ModelSettings(backbone="mini"))
    assert whole == shapes_of(
        "flythinker-shared", ModelSettings(backbone="mini", reasoner="mini-half")
    )
    shared = whole[1]
    assert shared.parameters == shared.trained  # the same weights below a second adapter


def test_a_folder_with_a_config_alone_is_enough(tmp_path):
    known = {"model_type": "llama", "hidden_size": 8, "num_hidden_layers": 1, "vocab_size": 32}
    known |= {"num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 16}
    (tmp_path / "config.json").write_text(json.dumps(known))
    (shape,) = shapes_of("sft", ModelSettings(backbone=str(tmp_path)))
    assert (shape.layers, shape.width, shape.cache) == (1, 8, 2 * 1 * 4)
    assert shape.lean
    (tmp_path / "config.json").write_text(json.dumps(known | {"hidden_act": "gelu"}))
    _shape.cache_clear()
    assert not shapes_of("sft", ModelSettings(backbone=str(tmp_path)))[0].lean
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="found no model_type; expected the config"):
        shapes_of("sft", ModelSettings(backbone=str(empty)))


def test_a_folder_goes_before_a_known_model_of_its_name(tmp_path):
    known = {"model_type": "llama", "hidden_size": 8, "num_hidden_layers": 1, "vocab_size": 32}
    known |= {"num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 16}
    folder = tmp_path / "Qwen2.5-0.5B-Instruct"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(known))
    (shape,) = shapes_of("sft", ModelSettings(backbone=str(folder)))
    assert (shape.layers, shape.width) == (1, 8)


def test_a_model_without_config_says_what_is_known():
    with pytest.raises(UsageError, match=r"found no config.json; .* Known: Qwen2.5-0.5B-Instruct"):
        shapes_of("sft", ModelSettings(backbone="nowhere/at-all"))
