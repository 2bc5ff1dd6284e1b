"""A planted fade on the page: the sentence, what the text so far explains, the numbers."""

import dataclasses

import numpy as np
import pytest

from harness.record import Counts, read_record, write_record
from harness.record.token_file import TokenValues
from harness.reports.compare_runs import SECTIONS
from harness.reports.compared.verdicts import compare_boards
from harness.reports.runs.boards import load_boards
from harness.reports.runs.comparable import checked
from tests.support.planted_writers import put_tokens
from tests.support.synthetic import write_runs
from tests.support.synthetic_parts import likelihood_of, metrics_of
from tests.support.synthetic_views import lift_of

USERS, LENGTH, FADES = 30, 200, 100
TOKENS = np.arange(LENGTH)
GAINS = {  # own − other at each token, and own − none
    "sft": (np.where(TOKENS < FADES, 0.4, 0.05), np.where(TOKENS < FADES, 1.0, 0.1)),
    "cot": (np.where(TOKENS < FADES, 0.4, 0.05), np.where(TOKENS < FADES, 0.9, 1.0)),
    "coconut": (np.where(TOKENS < FADES, 0.4, 0.05), np.full(LENGTH, 1.0)),
    "rag": (np.full(LENGTH, 0.3), np.full(LENGTH, 0.5)),
    "nonpers": (np.zeros(LENGTH), np.zeros(LENGTH)),
}


def planted(gain, gap, users=USERS):
    """Tokens of every text: a token is a slice token here."""
    draw = np.random.default_rng(3)
    own = 2.0 + draw.normal(0, 0.3, (users, LENGTH))
    noise = draw.normal(0, 0.1, (users, LENGTH)) * (gain.max() > 0)
    other, empty = own + gain + noise, own + gap + noise
    position = np.tile(TOKENS.astype(np.int32), users)
    return TokenValues(
        examples=(),
        example=np.repeat(np.arange(users, dtype=np.int32), LENGTH),
        position=position,
        slice_token=position,
        kind=np.full(users * LENGTH, 2, dtype=np.int8),
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
    assert "Whether the text so far explains any of it cannot be told: " in said["coconut"]
    assert said["rag"].startswith("the user does not fade. The gain is 0.30")
    assert said["nonpers"] == (
        "whether the user fades cannot be told: the user's own profile shows no gain that could"
        " fade."
    )


def test_the_figure_and_the_numbers_follow(part):
    assert [one.name for one in part.pictures] == [
        f"fading_{name}_product_review" for name in ("nonpers", "rag", "sft", "cot", "coconut")
    ]
    (table,) = part.tables
    rows = {str(row[0]): list(map(str, row)) for row in table.shown()}
    assert rows["sft"][1] == "fades"
    assert rows["sft"][2].startswith("100 [")
    assert rows["rag"][1:3] == ["does not fade", "–"]
    facts = {one["system"]: one for one in part.facts[0]["fading"]}
    assert facts["cot"]["onset"] == FADES
    assert facts["coconut"]["prefix"]["value"] == pytest.approx(0.0, abs=0.05)
    assert facts["cot"]["prefix"]["high"] < 0
    assert len(facts["sft"]["curves"]["gain"]["x"]) == LENGTH // 10


def test_texts_that_a_run_lacks_are_left_out_of_its_numbers(tmp_path):
    # seeds of sft have 30 and 25 texts: its numbers are of the 25 that both have
    gains = {"sft": np.where(TOKENS < FADES, 0.4, 0.05), "rag": np.full(LENGTH, 0.3)}
    runs = write_runs(tmp_path, [*gains], ["product_review"], seeds=(0, 1), examples=30, full=True)
    for folder in runs:
        count = 25 if folder.parent.name == "sft" and read_record(folder).seed == 1 else 30
        keep_texts(folder, count)
        gain = gains[folder.parent.name]
        put_tokens(folder, planted(gain, gain, users=count))
    (board,), _ = load_boards([tmp_path])
    compared = compare_boards([checked(board, allow_different=True)])[0]
    fading, copied = SECTIONS["fading"](compared), SECTIONS["copied"](compared)
    said = dict(line.split(": ", 1) for line in fading.text)
    assert said["sft"].startswith("the user fades at token 100. Before it the user's own profile")
    assert said["rag"].startswith("the user does not fade. The gain is 0.30")
    p_values = {one["system"]: one["p_holm"] for one in fading.facts[0]["fading"]}
    assert p_values["rag"] > 0.5
    totals = {one["system"]: one["total"] for one in copied.facts[0]["copied"]}
    assert totals["sft"]["value"] == pytest.approx(0.225, abs=0.01)  # (0.4 + 0.05) / 2
    assert totals["sft"]["users"] == 25
    for table in (fading.tables[0], copied.tables[0]):
        assert "over 25–30 users (25–30 texts)" in table.notes[0]
        assert table.notes[-1] == (
            "tokens.parquet: texts differ, only those that all seeds of a system have count: rag"
            " 30; sft 25."
        )


def keep_texts(folder, count):
    """Reduce a record to its first texts; views that are not looked at here are left out."""
    record = dataclasses.replace(read_record(folder), forced=None, authors=None)
    kept = dict(list(record.examples.items())[:count])
    fewer = {"metrics": metrics_of(kept), "likelihood": likelihood_of(kept)}
    n = Counts(planned=count, scored=count)
    lift = lift_of([each.lift for each in kept.values()])
    lift = dataclasses.replace(lift, tokens=record.lift.tokens)
    write_record(dataclasses.replace(record, examples=kept, n=n, lift=lift, **fewer), folder)
