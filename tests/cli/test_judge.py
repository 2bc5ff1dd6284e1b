"""harness judge: asked once, kept at once, shown with its biases, costs and failures."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil

import pytest

from harness.record import read_record, write_record
from harness.record.judged import CRITERIA, REPLIES, judgings_of
from harness.reports.render.report_files import PAGE
from harness.reports.runs.boards import load_boards
from harness.reports.sections.judges import FIRST, judges_part
from harness.settings.flat import merge
from harness.statistics import preference
from tests.support.judge_stub import Stub, aspects_reply, fair, first_always, pair_reply, served


def test_a_fair_judge_prefers_the_better_texts(ask, runs):
    with served(Stub(fair)) as stub:
        code, found = ask(stub)
        assert (code, len(stub.prompts)) == (0, 12)  # 6 examples in 2 orders; 2 are equal
        content = found["pairs"][0]
        assert (content["first"], content["second"], content["criterion"]) == (
            "rich", "poor", "content",
        )  # fmt: skip
        # 6 wins, 2 ties for equal texts
        assert content["found"]["win_rate"]["value"] == pytest.approx(100 * 7 / 8)
        assert (content["decided"], content["disagree"], content["first_shown"]) == (8, 0, 50)
        (cost,) = found["costs"]
        assert (cost["questions"], cost["requests"], cost["failures"]) == (12, 12, {})
        assert (cost["prompt_tokens"], cost["completion_tokens"]) == (1200, 120)
        assert cost["evidence"] == 100
        # the same command asks nothing again
        assert ask(stub)[0] == 0
        assert len(stub.prompts) == 12
    (kept,) = judgings_of(runs["rich"])
    assert all(json.loads(reply.reply) for reply in kept.replies)


def test_what_a_judge_can_show_is_that_of_its_family(ask, runs, tmp_path):
    with served(Stub(fair)) as stub:
        _, found = ask(stub)
    (board,), _ = load_boards([tmp_path / "out"])
    wins = [1.0] * 6 + [0.5] * 2
    alone, family = (
        preference(wins, [0.0] * 8, dataclasses.replace(board.panel, family=size)).test
        for size in (1, len(CRITERIA))  # one pair
    )
    assert family.smallest_detectable > alone.smallest_detectable
    assert found["pairs"][0]["found"]["test"]["smallest_detectable"] == pytest.approx(
        family.smallest_detectable
    )


def test_a_judge_with_a_position_bias_gives_ties(ask):
    with served(Stub(first_always)) as stub:
        _, found = ask(stub)
    for one in found["pairs"]:
        assert one["found"]["win_rate"]["value"] == 50
        assert (one["disagree"], one["first_shown"]) == (100, 100)


def test_a_tie_in_one_order_alone_is_a_tie(ask):
    def opinion(prompt):
        return pair_reply("1" if "BEGIN TEXT 1 " in prompt and _own_first(prompt) else "tie")

    def _own_first(prompt):
        return prompt.index("rich good") < prompt.index("poor bad")

    with served(Stub(opinion)) as stub:
        _, found = ask(stub)
    assert found["pairs"][0]["found"]["win_rate"]["value"] == 50
    assert found["pairs"][0]["disagree"] == 100


def test_a_server_that_goes_away_leaves_what_came(call, ask, runs, monkeypatch):
    monkeypatch.setattr("harness.engine.endpoint.client.CONNECT_S", 0.2)
    with served(Stub(fair)) as stub:
        stub.faults = [None] * 5 + [401]
        code, err = ask(stub, "--parallel", "1")
        assert (code, "environment variable HARNESS_JUDGE_KEY" in err) == (2, True)
        (kept,) = judgings_of(runs["rich"])
        assert len(kept.replies) == 5
        assert ask(stub)[0] == 0
        # 5, the refused one, perhaps one that was under way, and the 7 that were left
        assert len(stub.prompts) in (13, 14)


def test_replies_that_stopped_within_a_line_go_on(ask, runs):
    with served(Stub(fair)) as stub:
        ask(stub)
        (kept,) = judgings_of(runs["rich"])
        path = kept.folder / REPLIES
        path.write_bytes(path.read_bytes()[:-30])
        assert ask(stub)[0] == 0
        assert len(stub.prompts) == 12 + 1
    (again,) = judgings_of(runs["rich"])
    assert again.by_question.keys() == kept.by_question.keys()


def test_runs_with_the_same_texts_share_what_is_asked_and_are_both_shown(call, ask, runs, tmp_path):
    twin = tmp_path / "out/product_review/twin" / runs["poor"].name
    shutil.copytree(runs["poor"], twin)
    write_record(dataclasses.replace(read_record(twin), method="twin"), twin)
    runs["twin"] = twin
    with served(Stub(fair)) as stub:
        words = ("--judge", f"{stub.url}#tiny", "--json", "--dry-run")
        _, plan, _ = call("judge", *runs.values(), *words)
        code, found = ask(stub, of=("rich", "poor", "twin"))
        assert (code, len(stub.prompts)) == (0, 12)
    assert json.loads(plan)["questions"] == 12
    pairs = {(one["first"], one["second"]): one["found"]["win_rate"] for one in found["pairs"]}
    assert set(pairs) == {("rich", "poor"), ("rich", "twin")}
    assert pairs["rich", "poor"] == pairs["rich", "twin"]


def test_aspects_of_every_text_of_one_run(ask):
    with served(Stub(fair)) as stub:
        code, found = ask(stub, of=("rich",))
    assert (code, len(stub.prompts)) == (0, 8)
    (scores,) = found["runs"]
    # 6 texts have 5, 2 have 2
    assert scores["scores"]["tone"]["value"] == pytest.approx((6 * 5 + 2 * 2) / 8)
    assert found["pairs"] == []


def test_a_note_says_that_only_the_first_of_several_samples_is_judged(ask, runs, tmp_path):
    with served(Stub(fair)) as stub:
        ask(stub)
        ask(stub, of=("rich",))

    def noted():
        (board,), _ = load_boards([tmp_path / "out"])
        return [FIRST in table.notes for table in judges_part(board).tables]

    assert noted() == [False] * 3
    for folder in runs.values():
        record = read_record(folder)
        settings = merge(record.settings, {"decode": {"samples": 2}})
        write_record(dataclasses.replace(record, settings=settings), folder)
    assert noted() == [True] * 3


def test_half_a_surrogate_pair_in_a_reply_is_replaced(ask, runs):
    with served(Stub(lambda prompt: aspects_reply(3, "\ud800 odd") + "\ud800")) as stub:
        code, found = ask(stub, of=("rich",))
    assert (code, found["runs"][0]["decided"]) == (0, 8)
    (kept,) = judgings_of(runs["rich"])
    assert kept.replies[0].evidence["tone"] == "\ufffd odd"


def test_a_judging_is_about_checkpoints(ask):
    with served(Stub(fair)) as stub:
        pairs = ask(stub)[1]["pairs"]
        (scores,) = ask(stub, of=("rich",))[1]["runs"]
    for found in (one["found"] for one in pairs):
        assert {each["about"] for each in found.values()} == {"checkpoints"}
    assert {each["about"] for each in scores["scores"].values()} == {"checkpoints"}


def test_a_limit_asks_less_and_a_larger_one_goes_on(ask):
    with served(Stub(lambda prompt: aspects_reply(3))) as stub:
        _, found = ask(stub, "--limit", "3", of=("rich",))
        assert (len(stub.prompts), found["runs"][0]["decided"]) == (3, 3)
        _, found = ask(stub, of=("rich",))
        assert (len(stub.prompts), found["runs"][0]["decided"]) == (8, 8)


def test_a_dry_run_asks_nothing(call, runs):
    with served(Stub(fair)) as stub:
        code, out, _ = call(
            "judge", *runs.values(), "--judge", f"{stub.url}#tiny", "--dry-run"
        )  # fmt: skip
    assert (code, stub.prompts) == (0, [])
    assert re.search(r"tiny: 12 questions to ask, about [\d,]+ prompt tokens; 0 answered", out)


def test_a_dry_run_has_its_numbers_as_json(call, runs):
    with served(Stub(fair)) as stub:
        words = ("judge", *runs.values(), "--judge", f"{stub.url}#tiny", "--dry-run", "--json")
        code, out, err = call(*words)
    assert (code, stub.prompts) == (0, [])
    found = json.loads(out)
    assert found.pop("prompt_tokens") > 100
    assert found == {"judge": "tiny", "questions": 12, "answered": 0}
    assert "12 questions to ask" in err


def test_a_comparison_shows_what_judges_said_in_a_section_of_its_own(call, ask, runs, tmp_path):
    code, out, _ = call("compare", tmp_path / "out", "--out", tmp_path / "before", "--json")
    assert "judged" not in json.loads(out)["boards"][0]
    with served(Stub(fair)) as stub:
        ask(stub)
        ask(stub, of=("poor",))
    code, out, _ = call("compare", tmp_path / "out", "--out", tmp_path / "report", "--json")
    board = json.loads(out)["boards"][0]
    assert code == 0
    assert len(board["judged"]["pairs"]) == 3
    assert len(board["judged"]["costs"]) == 2
    assert list(board["measures"]) == ["rouge1"]
    page = (tmp_path / "report" / PAGE).read_text()
    assert "What judges say" in page
    assert "What judges say" not in (tmp_path / "before" / PAGE).read_text()
    assert (tmp_path / "report" / "tables" / "judged_pairs_product_review.csv").is_file()


def test_what_was_said_of_other_texts_is_not_shown(call, ask, runs, tmp_path):
    with served(Stub(fair)) as stub:
        ask(stub, of=("rich",))
    (kept,) = judgings_of(runs["rich"])
    path = kept.folder / "judge.json"
    path.write_text(path.read_text().replace(kept.judging.texts, "0" * 64))
    _, out, _ = call("compare", tmp_path / "out", "--out", tmp_path / "report", "--json")
    document = json.loads(out)
    assert "judged" not in document["boards"][0]
    assert any("judged other texts of this run" in line for line in document["warnings"])


def test_a_judge_of_the_same_name_at_another_address_is_not_taken_for_it(ask, runs):
    with served(Stub(fair)) as first:
        ask(first, "--limit", "3", of=("rich",))
    (known,) = judgings_of(runs["rich"])
    assert (known.judging.address, known.judging.examples) == (f"{first.url}/chat/completions", 3)
    with served(Stub(lambda prompt: aspects_reply(1))) as second:
        code, err = ask(second, of=("rich",))
        assert (code, second.prompts) == (2, [])
        assert f"3 replies of tiny from {first.url}/chat/completions; --judge names" in err
        assert "--same-judge if it is the same model" in err
        code, _ = ask(second, "--same-judge", of=("rich",))
        assert (code, len(second.prompts)) == (0, 5)
        assert ask(second, of=("rich",))[0] == 0
    with served(
        Stub(fair)
    ) as third:  # nothing is left to ask, and its address is kept all the same
        assert ask(third, "--same-judge", of=("rich",))[0] == 0
        assert (ask(third, of=("rich",))[0], third.prompts) == (0, [])
    (kept,) = judgings_of(runs["rich"])
    assert (kept.judging.address, len(kept.replies)) == (f"{third.url}/chat/completions", 8)


def test_replies_of_a_judge_without_an_address_stay_usable(ask, runs):
    with served(Stub(fair)) as first:
        ask(first, of=("rich",))
    (known,) = judgings_of(runs["rich"])
    path = known.folder / "judge.json"
    fields = json.loads(path.read_text())
    del fields["address"]
    path.write_text(json.dumps(fields))
    with served(Stub(fair)) as second:
        assert (ask(second, of=("rich",))[0], second.prompts) == (0, [])
    (kept,) = judgings_of(runs["rich"])
    assert kept.judging.address is None  # nothing was asked, so nobody knows


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ask", "both"], "--ask both; expected aspects or pairs"),
        (["--parallel", "0"], "--parallel and --timeout: expected numbers above 0"),
        (["--judge", "http://127.0.0.1:1/v1"], "expected URL#MODEL"),
    ],
)
def test_wrong_options_are_refused(call, runs, words, message):
    given = words if "--judge" in words else ["--judge", "http://127.0.0.1:1/v1#m", *words]
    code, _, err = call("judge", runs["rich"], *given)
    assert (code, message in err) == (2, True)


def test_a_pair_needs_two_runs(call, runs):
    words = ["--judge", "http://127.0.0.1:1/v1#m", "--ask", "pairs"]
    code, _, err = call("judge", runs["rich"], *words)
    assert (code, "found one run of product_review; expected two or more" in err) == (2, True)
