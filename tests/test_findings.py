"""Every number of README's results and of docs/findings.md comes from a published record."""

import copy
import json
import re

import pytest

from benchmarks import findings
from benchmarks.findings import PAGES, PUBLISHED, STUDIES, Interval, NoLongerTrueError, Study, given
from harness.record.inspected import WITHHELD

CONSTANTS = (
    r"95 %", r"at 0 · 100 · 200 · 300\+", r"need 20 users", r"SmolLM2-135M", r"135 million",
    r"ROUGE-[12L]", r"4-grams", r"BLEU near 1 ", r"smollm2", r"3B models",
    r"λ = [05]", r"values from 0\.2 to 2", r"[Oo]n seed 0",
)  # fmt: skip
"""Numbers that are names, definitions of the harness or properties of a model, not results."""


def prose(template):
    """What a template says without its look-ups, code and links."""
    for off in (r"\{\{.*?\}\}", r"\{%.*?%\}", r"^```.*?^```", r"`[^`]*`", r"\]\([^)]*\)"):
        template = re.sub(off, "", template, flags=re.DOTALL | re.MULTILINE)
    for known in CONSTANTS:
        template = re.sub(known, "", template)
    return template


@pytest.mark.parametrize("page", sorted(PAGES.iterdir()), ids=lambda path: path.name)
def test_a_page_holds_no_number_that_was_typed(page):
    typed = [line for line in prose(page.read_text("utf-8")).splitlines() if re.search(r"\d", line)]
    assert not typed


def test_a_typed_number_is_found():
    assert re.search(r"\d", prose("sft has {{ x | number(1) }}, 3.2 more than `rag 1`"))
    assert not re.search(r"\d", prose("sft has {{ x | number(1) }} (95 %), see [it](a/b2.md)"))


@pytest.mark.parametrize("name", STUDIES)
def test_a_comparison_is_of_the_records_that_are_published(name):
    made_from = json.loads(findings.stored(name).read_text("utf-8"))["records"]
    assert made_from == findings.digests(name)


def test_no_published_record_names_a_folder_of_a_machine():
    absolute = re.compile(r"(?<![\w.:/])/(home|root|work|tmp|mnt|Users)/")
    records = [*PUBLISHED.rglob("record.json"), *(findings.ROOT / "benchmarks/figures").iterdir()]
    assert records
    assert not [path for path in records if absolute.search(path.read_text("utf-8"))]


def test_inspected_thoughts_are_of_published_runs_and_have_no_texts():
    found = findings.inspections(PUBLISHED / "reviews" / "inspected")
    records = {path.parent.name: path for path in (PUBLISHED / "reviews").rglob("record.json")}
    assert found
    for run, pages in found.items():
        examples = json.loads(records[run].read_text("utf-8"))["examples"]
        for one in (one for page in pages.values() for one in page["examples"]):
            assert one["user_id"] == examples[one["id"]]["user"]
    pages = [one for each in found.values() for one in each.values()]
    examples = [example for page in pages for example in page["examples"]]
    assert {token["text"] for one in examples for token in one["tokens"]} == {WITHHELD}
    assert {entry for one in examples for entry in one["entries"]} == {WITHHELD}
    assert not any(thought["nearest"] for one in examples for thought in one["thoughts"])


def test_the_pages_say_what_the_comparisons_say():
    for path, text in findings.pages().items():
        assert text == path.read_text("utf-8"), f"{path}: python -m benchmarks.findings write"


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_comparison_made_again_is_the_stored_one(name, tmp_path, monkeypatch):
    before = findings.stored(name).read_text("utf-8")
    monkeypatch.setattr(findings, "stored", lambda name: tmp_path / "comparison.json")
    findings.compare_records(name)
    assert json.loads((tmp_path / "comparison.json").read_text("utf-8")) == json.loads(before)


def changed(name, change):
    """The studies, after `change` was applied to the facts of one."""
    found = findings.studies()
    facts = copy.deepcopy(found[name].facts)
    change(facts)
    return {**found, name: Study(name, facts)}


def render(studies, page="findings.md"):
    return findings.environment().get_template(page).render(studies)


def test_a_changed_number_changes_the_page():
    def change(facts):
        facts["measures"]["bleu"]["values"]["sft"]["value"] += 0.5

    assert render(changed("smollm2", change)) != render(findings.studies())


def test_a_sentence_that_is_no_longer_true_stops_the_page():
    def change(facts):
        facts["won_by_floors"]["meteor"] = None

    with pytest.raises(NoLongerTrueError, match="floors win ROUGE-L and METEOR"):
        render(changed("reviews", change))


def test_a_condition():
    assert given(True, "x") == ""
    with pytest.raises(NoLongerTrueError, match=r"^x$"):
        given(False, "x")


def test_a_difference_can_be_read_from_both_ends():
    one = {"first": "a", "second": "b", "difference": 2.0, "low": 1.0, "high": 4.0, "p_holm": 0.01}
    one |= {"verdict": "higher", "about": "methods"}
    study = Study("x", {"measures": {"following": {"comparisons": [one]}}, "lift": {}})
    assert study.difference("a", "b") == Interval(2.0, 1.0, 4.0, 0.01, "methods", True)
    assert study.difference("a", "b").above()
    assert study.difference("b", "a") == Interval(-2.0, -4.0, -1.0, 0.01, "methods", True)
    assert study.difference("b", "a").below()
    with pytest.raises(KeyError):
        study.difference("a", "c")


def test_the_gates_are_those_of_the_published_runs():
    for study, runs in json.loads(findings.GATES.read_text("utf-8")).items():
        for name, one in runs.items():
            (path,) = (PUBLISHED / study).glob(f"*/flythinker/{name}/record.json")
            assert json.loads(path.read_text("utf-8"))["backbone"]["weights"] == one["weights"]
