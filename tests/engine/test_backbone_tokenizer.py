"""A backbone's tokenizer: tried before it is used, the same for two models of one text."""

import json
import shutil

import pytest

from harness.engine.backbone import Backbones
from harness.engine.backbone_tokenizer import tokenizer_of
from harness.engine.ends import ends_of
from harness.errors import UsageError
from harness.settings import ModelSettings
from tests.support.saved_backbones import save_backbone


def tokenizer_json(change):
    def spoil(folder):
        path = folder / "tokenizer.json"
        found = json.loads(path.read_text())
        change(found)
        path.write_text(json.dumps(found))

    return spoil


def bomb(found):
    split = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated",
             "invert": False}  # fmt: skip
    both = [split, found["pre_tokenizer"]]
    found["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": both}


def template(text):
    return lambda folder: (folder / "chat_template.jinja").write_text(text)


ENDLESS = "{% for a in range(99999) %}{% for b in range(100) %}{% endfor %}{% endfor %}"
TOKENIZERS = {
    "a pattern that never ends": (tokenizer_json(bomb), "cannot be loaded: .*retry-limit"),
    "a broken pattern": (
        tokenizer_json(lambda t: (bomb(t), t["pre_tokenizer"]["pretokenizers"][0].update(
            pattern={"Regex": "(("}))),
        "cannot be loaded",
    ),
    "no model": (tokenizer_json(lambda t: t.pop("model")), "cannot be loaded"),
    "text for a list": (tokenizer_json(lambda t: t.update(added_tokens="x")), "cannot be loaded"),
    "no JSON": (lambda f: (f / "tokenizer.json").write_text("{"), "cannot be loaded"),
    "a template that never ends": (template(ENDLESS), "chat template of .* did not end within 0."),
    "a template that breaks": (template("{% for %}"), "chat template of .*TemplateSyntaxError"),
}  # fmt: skip


@pytest.mark.parametrize("case", TOKENIZERS)
def test_a_broken_tokenizer_is_refused_in_time(tmp_path, backbone, monkeypatch, case):
    spoil, message = TOKENIZERS[case]
    folder = tmp_path / case.replace(" ", "_")
    shutil.copytree(backbone, folder)
    spoil(folder)
    seconds = 0.2 if case == "a template that never ends" else 60.0
    monkeypatch.setattr("harness.engine.backbone_tokenizer.TRIAL_S", seconds)
    with pytest.raises(UsageError, match=message):
        tokenizer_of(str(folder))


def test_a_backbone_without_tokenizer_is_refused(tmp_path, backbone):
    folder = tmp_path / "backbone"
    shutil.copytree(backbone, folder)
    for file in folder.glob("token*"):
        file.unlink()
    with pytest.raises(UsageError, match=r"encodes nothing; expected tokenizer\.json"):
        tokenizer_of(str(folder))


def test_differing_tokens_are_named(tmp_path, backbone):
    other = save_backbone(tmp_path / "other", words=490)
    settings = ModelSettings(backbone=str(backbone), reasoner=str(other))
    # the other tokenizer has one merge less, so only its last token differs
    with pytest.raises(UsageError, match=r"1 tokens differ, e\.g\. '\S+' \(490 / absent\)"):
        _ = Backbones(settings).reasoner


def test_the_end_token_ends_a_turn(backbone):
    tokenizer = tokenizer_of(str(backbone))
    assert tokenizer.convert_ids_to_tokens(list(ends_of(tokenizer).trained)) == ["<|im_end|>"]


def test_a_tokenizer_without_end_token_is_refused(tmp_path, backbone):
    from transformers import PreTrainedTokenizerFast

    bare = PreTrainedTokenizerFast(tokenizer_file=str(backbone / "tokenizer.json"))
    with pytest.raises(UsageError, match="has no end token; expected eos_token"):
        ends_of(bare)
