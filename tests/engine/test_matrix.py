"""Causal families of transformers: each right, or refused at load by name, as the page says."""

from pathlib import Path

import pytest
import transformers

from harness.engine.backbone import load_model
from harness.errors import UsageError
from harness.settings import ModelSettings
from tests.support.matrix import row
from tests.support.tiny_families import FAMILIES, tiny_model

PAGE = Path(__file__).parents[2] / "docs" / "backbones.md"
QUICK = ("gemma", "gpt2", "lfm2", "mistral", "mpt", "qwen2")
"""Scaled embeddings, learned positions, a running state, a sliding window, ALiBi, and plain."""
EAGER = ("mpt",)
"""Of them, those that load with eager attention alone."""
HYBRIDS = {
    *("bamba", "granitemoehybrid", "jamba", "lfm2", "nemotron_h", "olmo_hybrid"),
    *("qwen3_5_text", "qwen3_next", "zamba2"),
}


def lines() -> list[str]:
    return PAGE.read_text(encoding="utf-8").splitlines()


def test_the_page_names_every_family():
    shown = [line.split("|")[1].strip() for line in lines() if line.startswith("| ")][1:]
    assert shown == sorted(FAMILIES)
    assert len(shown) >= 60
    assert set(shown) >= HYBRIDS


@pytest.mark.parametrize("family", QUICK)
def test_a_representative_family_is_right(family):
    found = row(family)
    assert set(found.verdicts.values()) == {"right"}
    assert found.cells() in lines()


@pytest.mark.parametrize("family", QUICK)
def test_the_page_says_eager_where_the_load_asks_for_it(family, tmp_path):
    tiny_model(family).save_pretrained(tmp_path)
    (line,) = [each for each in lines() if each.startswith(f"| {family} |")]
    assert ("right (eager)" in line) == (family in EAGER)
    settings = ModelSettings(backbone=str(tmp_path))
    if family in EAGER:
        with pytest.raises(UsageError, match=r"--set model\.attention=eager"):
            load_model(str(tmp_path), settings)
        settings = settings.model_copy(update={"attention": "eager"})
    assert load_model(str(tmp_path), settings)


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_family_is_right_or_refused_by_name(family):
    found = row(family)  # an AssertionError: a number is wrong and nothing refused it
    known = lines()
    if not any(line.startswith(f"transformers {transformers.__version__},") for line in known):
        return  # the page's table is of another version
    assert found.cells() in known
    for reason in found.reasons():
        assert reason in known
