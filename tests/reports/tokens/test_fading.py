"""A planted fade on the page: the sentence, what the text so far explains, the numbers."""

import numpy as np
import pytest

from harness.record.token_file import TokenValues
from harness.reports.compare_runs import SECTIONS
from harness.reports.compared.verdicts import compare_boards
from harness.reports.runs.boards import load_boards
from tests.support.planted_writers import put_tokens
from tests.support.synthetic import write_runs

USERS, LENGTH, FADES = 30, 200, 100
TOKENS = np.arange(LENGTH)
GAINS = {  # own − other at each token, and own − none
    "sft": (np.where(TOKENS < FADES, 0.4, 0.05), np.where(TOKENS < FADES, 1.0, 0.1)),
    "cot": (np.where(TOKENS < FADES, 0.4, 0.05), np.full(LENGTH, 1.0)),
    "rag": (np.full(LENGTH, 0.3), np.full(LENGTH, 0.5)),
    "nonpers": (np.zeros(LENGTH), np.zeros(LENGTH)),
}


def planted(gain, gap):
    """Tokens of every text: a token is a slice token here."""
    draw = np.random.default_rng(3)
    own = 2.0 + draw.normal(0, 0.3, (USERS, LENGTH))
    noise = draw.normal(0, 0.1, (USERS, LENGTH)) * (gain.max() > 0)
    other, empty = own + gain + noise, own + gap + noise
    position = np.tile(TOKENS.astype(np.int32), USERS)
    return TokenValues(
        examples=(),
        example=np.repeat(np.arange(USERS, dtype=np.int32), LENGTH),
        position=position,
        slice_token=position,
        kind=np.full(USERS * LENGTH, 2, dtype=np.int8),
        nll=np.stack([own, other, other, empty], axis=-1).reshape(-1, 4).astype(np.float32),
    )


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    out = tmp_path_factory.mktemp("fading")
    for folder in write_runs(out, list(GAINS), ["product_review"], examples=USERS, full=True):
        put_tokens(folder, planted(*GAINS[folder.parent.name]))
    (board,), _ = load_boards([out])
    return SECTIONS["fading"](compare_boards([board])[0])


def test_every_system_has_its_answer_in_a_sentence(part):
    said = dict(line.split(": ", 1) for line in part.text)
    for name in ("sft", "cot"):
        begin = "the user fades at token 100. Before it the user's own profile is worth 0.4"
        assert said[name].startswith(begin)
    assert said["sft"].endswith("The text so far can explain the fall.")
    assert said["cot"].endswith("The text so far is no explanation.")
    assert said["rag"].startswith("the user does not fade. The gain is 0.30")
    assert said["nonpers"] == (
        "whether the user fades cannot be told: the user's own profile has no gain that could fade."
    )


def test_the_figure_and_the_numbers_follow(part):
    assert [one.name for one in part.pictures] == [
        f"fading_{name}_product_review" for name in ("nonpers", "rag", "sft", "cot")
    ]
    (table,) = part.tables
    rows = {str(row[0]): list(map(str, row)) for row in table.shown()}
    assert rows["sft"][1] == "fades"
    assert rows["sft"][2].startswith("100 [")
    assert rows["rag"][1:3] == ["does not fade", "–"]
    facts = {one["system"]: one for one in part.facts[0]["fading"]}
    assert facts["cot"]["onset"] == FADES
    assert facts["cot"]["prefix"]["value"] == pytest.approx(0.0, abs=0.05)
    assert len(facts["sft"]["curves"]["gain"]["x"]) == LENGTH // 10
