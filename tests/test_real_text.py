"""The study on real text: what is run in which order, the choices from records, the queue."""

import dataclasses
from pathlib import Path

import pytest

from benchmarks import real_text
from benchmarks.real_text_choices import CELLS, chosen, losses, report
from benchmarks.real_text_study import BY_NAME, PARTS, SYSTEMS, Study
from harness.claims import read_paper
from harness.errors import UsageError
from harness.record import write_record
from tests.support.pages import ROOT
from tests.support.synthetic import made_up

EACH = {
    "sft": (2, 1e-4),
    "flythinker": (4, 3e-4),
    "coconut": (2, 3e-5),
    "cot": (8, 1e-4),
    "flythinker-gate": (2, 3e-4),
}


@pytest.fixture
def study(tmp_path):
    place = tmp_path / "data" / "product_review"
    place.mkdir(parents=True)
    for split in ("train", "val", "test"):
        (place / f"{split}.jsonl").write_text("{}\n")
    return Study(str(tmp_path / "data"), "product_review", tmp_path / "reviews", ("train.clip=2",))


def record(study, planned, loss=1.0, status="complete", files=None):
    """Write the record of a finished run, as far as the study reads it."""
    made = made_up(study.task, planned.method, planned.seed)
    training = dataclasses.replace(made_up(study.task, "sft").training, val_loss=loss)
    made = dataclasses.replace(
        made,
        settings=study.settings(planned).model_dump(mode="json"),
        data=dataclasses.replace(made.data, files=files or study.files),
        training=training,
        status=status,
    )
    number = len(list(planned.out.rglob("record.json")))
    folder = planned.out / study.task / planned.method / f"s{planned.seed}-{number:012d}"
    write_record(made, folder)
    return folder


# Choices


def test_the_cell_with_the_lowest_loss_is_chosen(study, capsys):
    for cell, loss in zip(CELLS[:3], (1.5, 1.25, 1.75), strict=True):
        record(study, study.choice("sft", cell), loss)
    assert losses(study, "sft") == dict(zip(CELLS[:3], (1.5, 1.25, 1.75), strict=True))
    assert chosen(study, "sft") == CELLS[1]
    report(study, "sft")
    printed = capsys.readouterr().out
    assert "| sft | 1.5000 | **1.2500** | 1.7500 | – |" in printed
    assert "sft: 4 passes, rate 0.0001\n" in printed
    assert "sft: not tried: 4 passes, 0.0003; 8 passes, 0.0001;" in printed


def other_settings(study, planned):
    record(dataclasses.replace(study, more=()), planned)


def other_data(study, planned):
    record(study, planned, files={"train.jsonl": "0" * 64})


def unfinished(study, planned):
    record(study, planned, status="running")


def another_seed(study, planned):
    record(study, dataclasses.replace(planned, seed=1))


def another_method(study, planned):
    record(study, dataclasses.replace(planned, method="cot"))


def no_loss(study, planned):
    record(study, planned, loss=None)


@pytest.mark.parametrize(
    "write", [other_settings, other_data, unfinished, another_seed, another_method, no_loss]
)
def test_nothing_is_chosen_from_other_records(write, study):
    plain = dataclasses.replace(study, more=()) if write is other_settings else study
    write(study, plain.choice("sft", CELLS[0]))
    with pytest.raises(UsageError) as caught:
        chosen(study, "sft")
    assert "reviews-choices: no trial of sft on product_review has finished" in str(caught.value)
    assert "--parts choices --methods sft" in str(caught.value)


def test_a_trial_moved_with_its_data_still_counts(study, tmp_path):
    record(study, study.choice("sft", CELLS[0]))
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    moved = dataclasses.replace(study, data=str(tmp_path / "elsewhere"))
    assert chosen(moved, "sft") == CELLS[0]


# Settings


def settings_of(study, name, seed=0):
    system = BY_NAME[name]
    cells = {method: EACH[method] for method in system.choices}
    return study.settings(study.full(system, seed, cells))


def test_each_method_takes_its_own_choice_and_equal_flops_those_of_two(study):
    found = {name: settings_of(study, name).train for name in (*EACH, "sft-flops")}
    assert {name: (one.epochs, one.lr) for name, one in found.items()} == {
        **EACH, "sft-flops": (EACH["flythinker"][0], EACH["sft"][1])
    }  # fmt: skip


def test_systems_differ_in_nothing_but_what_the_study_compares(study):
    free = {"epochs", "lr"}
    plain = settings_of(study, "sft").model_dump()
    for name in BY_NAME:
        own = settings_of(study, name).model_dump()
        for section in ("data", "budget", "model", "decode", "retrieval"):
            assert own[section] == plain[section]
        assert {k: v for k, v in own["train"].items() if k not in free} == {
            k: v for k, v in plain["train"].items() if k not in free
        }
    assert (plain["train"]["clip"], plain["train"]["keep_weights"]) == (2, True)


def test_a_trial_evaluates_nothing_but_its_loss(study):
    asked = dataclasses.replace(study, more=("data.limit=9", "eval.authors=true"))
    planned = asked.choice("sft", (8, 3e-4))
    found = study.settings(planned)
    assert (found.train.epochs, found.train.lr, found.data.limit) == (8, 3e-4, 1)
    assert not any((found.eval.likelihood, found.eval.authors, found.eval.floors))
    assert not found.train.keep_weights
    assert planned.out.name == "reviews-choices"


def test_the_gate_has_trials_of_its_own(study):
    record(study, study.choice("flythinker", CELLS[0]), 3.5)
    assert not losses(study, "flythinker-gate")
    record(study, study.choice("flythinker-gate", CELLS[1]), 3.25)
    assert losses(study, "flythinker-gate") == {CELLS[1]: 3.25}
    assert losses(study, "flythinker") == {CELLS[0]: 3.5}


def test_the_command_gives_the_settings(study):
    planned = study.choice("sft", CELLS[0])
    words = study.arguments(planned)
    assert words[:3] == ["run", "--method", "sft"]
    sets = [words[at + 1] for at, word in enumerate(words) if word == "--set"]
    assert sets == list(planned.assignments)


def test_both_papers_of_questions_can_be_read():
    for name in ("reviews", "topics"):
        first = read_paper(ROOT / "benchmarks" / f"{name}.toml").claims[0]
        assert first.measure == "lift"


# Order


def test_what_is_asked_first_is_run_first(study):
    jobs = real_text.jobs_of(study, PARTS, SYSTEMS)
    names = [job.name for job in jobs]
    assert len(set(names)) == len(names) == 5 * (len(CELLS) + 1) + 3 * 8 + 18
    assert names[:2] == ["flythinker, 2 passes, 0.0001", "sft, 2 passes, 0.0001"]
    order = [names.index(name) for name in (
        "choice of sft", "nonpers, seed 0", "sft, seed 2", "cot, 2 passes, 0.0001", "cot, seed 0",
        "thoughts of coconut, seed 2, reference",
    )]  # fmt: skip
    assert order == sorted(order)
    needs = {job.name: job.needs for job in jobs}
    assert needs["sft-flops, seed 1"] == {"choice of sft", "choice of flythinker"}
    assert needs["rag, seed 0"] == frozenset()
    assert len(needs["choice of cot"]) == len(CELLS)
    assert needs["thoughts of flythinker, seed 1, text"] == {"flythinker, seed 1"}


def test_parts_that_are_not_asked_for_are_not_run(study):
    names = [job.name for job in real_text.jobs_of(study, ["primary"], [BY_NAME["sft"]])]
    assert names == [f"sft, seed {seed}" for seed in (0, 1, 2)]


def test_a_method_of_an_arm_has_the_choices_that_it_takes(study):
    names = [job.name for job in real_text.jobs_of(study, ["choices"], [BY_NAME["sft-flops"]])]
    assert names[-2:] == ["choice of flythinker", "choice of sft"]


def test_choices_are_those_of_the_systems_that_are_evaluated():
    primary = ["flythinker", "sft", "rag", "nonpers"]

    def names(*parts, of=tuple(BY_NAME)):
        return [one.name for one in real_text.asked(parts, of)]

    assert names("choices", "primary", "analysis") == primary
    assert names("arms", of=["sft", "cot"]) == ["cot"]
    assert names("choices") == names("analysis") == names(*PARTS) == list(BY_NAME)


def test_the_first_cells_alone_can_be_tried(study):
    names = [job.name for job in real_text.jobs_of(study, ["choices"], [BY_NAME["sft"]], 2)]
    assert names == ["sft, 2 passes, 0.0001", "sft, 4 passes, 0.0001", "choice of sft"]


def test_a_finished_run_is_not_repeated(study):
    record(study, study.choice("sft", CELLS[0]))
    commands = {job.name: job.command for job in real_text.jobs_of(study, PARTS, SYSTEMS)}
    assert commands["sft, 2 passes, 0.0001"]() is None
    assert commands["sft, 4 passes, 0.0001"]()[-1] == "train.lr=0.0001"
    assert "train.epochs=2" in commands["sft, seed 0"]()


def test_an_evaluated_run_is_a_trial_of_its_cell(study):
    cells = {"coconut": CELLS[0]}
    record(study, study.full(BY_NAME["coconut"], 1, cells), 2.5)
    assert not losses(study, "coconut")  # trials have the first seed
    record(study, study.full(BY_NAME["coconut"], 0, cells), 1.5)
    assert losses(study, "coconut") == {CELLS[0]: 1.5}
    commands = {job.name: job.command for job in real_text.jobs_of(study, PARTS, SYSTEMS)}
    assert commands["coconut, 2 passes, 0.0001"]() is None
    assert "train.epochs=2" in commands["coconut, seed 2"]()


def test_thoughts_need_a_finished_run(study):
    record(study, study.choice("flythinker", CELLS[1]))
    commands = {job.name: job.command for job in real_text.jobs_of(study, PARTS, SYSTEMS)}
    look = commands["thoughts of flythinker, seed 0, text"]
    with pytest.raises(UsageError, match="flythinker, seed 0: not finished"):
        look()
    planned = study.full(BY_NAME["flythinker"], 0, {"flythinker": CELLS[1]})
    folder = record(study, planned)
    words = look()
    assert words[:2] == ["inspect", str(folder)]
    page = study.out / "inspected" / folder.relative_to(study.out) / "text"
    assert words[-1] == str(page)
    page.mkdir(parents=True)
    (page / "inspection.json").write_text("{}")
    assert look() is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--jobs", "0"], "--jobs 0; expected at least 1"),
        (["--cells", "99"], f"--cells 99; expected 1 to {len(CELLS)}"),
        (["--parts", "all"], "--parts all; expected some of choices, primary, arms, analysis"),
        (["--methods", "sft,lora"], "--methods lora; expected some of flythinker, sft,"),
        (["--set", "train.clop=1"], "unknown key 'train.clop'"),
        (["--task", "reviews"], "no task 'reviews'"),
        (["--parts", "primary"], "no trial of flythinker on product_review has finished"),
        (["--parts", "analysis", "--methods", "coconut"], "no trial of coconut"),
    ],
)
def test_mistakes_are_refused_before_anything_runs(words, message, study, capsys, monkeypatch):
    monkeypatch.setattr(real_text, "run_all", None)  # it would raise
    given = ["--data", study.data, "--out", str(study.out), *words]
    assert real_text.main(given) == 2
    assert message in capsys.readouterr().err


def test_records_get_no_absolute_path(study, monkeypatch):
    found = []
    monkeypatch.setattr(real_text, "prepare", found.append)
    monkeypatch.setattr(real_text, "run_all", lambda jobs, *rest: jobs)
    jobs = real_text.main(["--data", study.data, "--out", str(study.out)])
    words = jobs[0].command()
    assert not any(Path(word).is_absolute() for word in words)
    assert found[0].out.resolve() == study.out.resolve()


@pytest.mark.parametrize("there", [True, False])
def test_a_gpu_takes_larger_batches_for_every_method(there, study, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: there)
    monkeypatch.setattr(real_text, "prepare", lambda study: None)
    monkeypatch.setattr(real_text, "run_all", lambda jobs, *rest: jobs)
    jobs = real_text.main(["--data", study.data, "--out", str(study.out), "--parts", "choices"])
    commands = [job.command() for job in jobs if not job.name.startswith("choice of")]
    assert len(commands) == 5 * len(CELLS)
    for words in commands:
        assert [size in words for size in real_text.GPU] == [there, there]
