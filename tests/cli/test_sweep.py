"""harness sweep from its command line: which runs a file makes, their commands, refusals."""

import re
import sys
from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from harness.cli.options import RunOptions
from harness.cli.sweep_jobs import dependencies, names, read_sweep
from harness.cli.sweep_screen import End, Screen, print_end
from harness.errors import UsageError
from harness.sweeps.jobs import SweepJob
from harness.sweeps.queue import Entry
from tests.support.sweep_files import FILE
from tests.support.synthetic import made_up


def jobs_of(path):
    return read_sweep(path, RunOptions(), None).jobs()


def test_every_combination_is_a_run_and_equal_runs_are_one(written):
    found = jobs_of(written())
    count = {
        name: sum(job.method == name for job in found) for name in ("rag", "sft", "flythinker")
    }
    # rag does not train: no seeds, no rates. sft has no λ. Two metrics each.
    assert count == {"rag": 2, "sft": 2 * 2 * 2, "flythinker": 2 * 2 * 2 * 2}
    assert len({job.key for job in found}) == len(found)
    # λ = 0.5 is the default: the run is the one without the setting
    assert {str(job.settings.method) for job in found} == {"{}", "{'lam': 0}"}


def test_a_swept_reasoner_goes_to_the_methods_that_take_one(written):
    text = FILE.replace("method.lam = [0, 0.5]", 'model.reasoner = ["{backbone}", "mini-half"]')
    count = Counter(job.method for job in jobs_of(written(text)))
    assert count == {"rag": 2, "sft": 2 * 2 * 2, "flythinker": 2 * 2 * 2 * 2}
    with pytest.raises(UsageError, match=r"model\.reasoner .* rag takes no reasoner, sft takes no"):
        jobs_of(written(text.replace(', "flythinker"', "")))


def test_a_swept_reasoner_counts_for_sft_with_the_flops_of_a_method_that_takes_one(written):
    text = FILE.replace("method.lam = [0, 0.5]", 'model.reasoner = ["{backbone}", "mini-half"]')
    text = text.replace(', "flythinker"', "").replace(
        "[data]", '[method]\nflops_of = "flythinker"\n[data]'
    )
    count = Counter(job.method for job in jobs_of(written(text)))
    assert count == {"rag": 2, "sft": 2 * 2 * 2 * 2}


def test_runs_are_named_by_what_differs(written):
    given = names(jobs_of(written()))
    assert len(set(given)) == len(given)
    assert given[0] == "rag · seed 0 · eval.metrics=bleu"
    last = given[-1].split(" · ")
    assert last[:2] == ["flythinker", "seed 1"]
    assert sorted(last[2:]) == ["eval.metrics=bleu,rouge1", "lam=0.5", "train.lr=0.0005"]


def test_models_are_named_without_their_owners_where_that_is_enough(written):
    text = FILE.partition("[sweep]")[0].replace("lr = [1e-3, 5e-4]", "lr = 1e-3")
    text = text.replace('["rag", "sft", "flythinker"]', '"flythinker"').replace("[0, 1]", "[0]")
    models = 'sweep.model.reasoner = ["a/Small-Instruct", "{other}/Small-1B"]\n'
    given = names(
        jobs_of(written(text.replace("[data]", models.replace("{other}", "a") + "[data]")))
    )
    assert given == ["flythinker · reasoner=Small", "flythinker · reasoner=Small-1B"]
    same = models.replace("Small-1B", "Small").replace("{other}", "b")
    given = names(jobs_of(written(text.replace("[data]", same + "[data]"))))
    assert given[1] == "flythinker · model.reasoner=b/Small"


def test_sets_of_runs_share_what_they_have_in_common(written):
    text = FILE.partition("[sweep]")[0].replace("lr = [1e-3, 5e-4]", "lr = 1e-3")
    text += '[[runs]]\n[[runs]]\nmethods = "flythinker"\nsweep.method.lam = [0, 0.5, 1]\n'
    found = jobs_of(written(text))
    # rag, two seeds of sft and of flythinker; λ = 0 and 1 twice more
    assert len(found) == 1 + 2 + 2 + 2 * 2


UNNAMED = "line {}: train.sharding = 'full' and 'none' for the same run of sft; expected one value"


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ('[sweep]\ntrain.sharding = ["none", "full"]\n', 15),
        ('sharding = ["none", "full"]\n', 14),
        ('[[runs]]\n[[runs]]\ntrain.sharding = "full"\n', 16),
    ],
)
def test_values_that_would_silently_be_one_run_are_refused(written, values, line):
    text = FILE.partition("[eval]")[0].replace("[1e-3, 5e-4]", "1e-3")
    with pytest.raises(UsageError) as refused:
        jobs_of(written(text + values))
    assert UNNAMED.format(line) in str(refused.value)
    assert "names of runs leave train.sharding out" in str(refused.value)


def test_a_run_waits_for_the_one_whose_weights_or_rate_it_takes(written):
    found = jobs_of(written())
    needs = dependencies(found)
    for job, first in zip(found, needs, strict=True):
        for at in first:  # they differ in evaluation alone
            other = found[at]
            assert (other.method, other.settings.seed) == (job.method, job.settings.seed)
            assert other.settings.train == job.settings.train
            assert other.settings.eval != job.settings.eval
    assert sum(map(len, needs)) == (8 + 16) / 2
    rate = 'lr = "auto"\nlr_trial_seed = 1'
    found = jobs_of(written(FILE.partition("[sweep]")[0].replace("lr = [1e-3, 5e-4]", rate)))
    needs = dependencies(found)
    taken = {
        (job.method, job.settings.seed): [found[at].settings.seed for at in first]
        for job, first in zip(found, needs, strict=True)
        if first
    }
    assert taken == {
        ("sft", 0): [1],
        ("flythinker", 0): [1],
    }  # the rate is chosen before it is taken
    assert all(at < index for index, first in enumerate(needs) for at in first)


def test_a_run_waits_for_the_rate_and_for_the_weights(written):
    text = FILE.partition("[eval]")[0].replace("[1e-3, 5e-4]", '"auto"\nlr_trial_seed = 0')
    text = text.replace('["rag", "sft", "flythinker"]', '"sft"')
    found = jobs_of(written(text + '[sweep]\neval.lift = [[], ["likelihood"]]\n'))
    runs = [(job.settings.seed, len(job.settings.eval.lift)) for job in found]
    assert runs == [(0, 0), (0, 1), (1, 0), (1, 1)]
    # seed 1 takes its rate from seed 0; of each seed, the second run takes the first one's weights
    assert dependencies(found) == [(), (0,), (0,), (1, 2)]


def test_a_pinned_value_is_run_beside_the_values_that_others_share(written):
    text = FILE.partition("[train]")[0] + "[sweep]\ntrain.lr = [1e-3, 5e-4]\n[[runs]]\n"
    text = text.replace('["rag", "sft", "flythinker"]', '"sft"').replace("[0, 1]", "[0]")
    found = jobs_of(written(text + '[[runs]]\nmethods = "cot"\ntrain.lr = 7e-4\n'))
    rates = [(job.method, job.settings.train.lr) for job in found]
    assert rates == [("sft", 1e-3), ("sft", 5e-4), ("cot", 7e-4)]


def test_runs_in_this_process_one_by_one(call, written, pretend, tmp_path):
    def breaks(settings, factory):
        if settings.train.lr == 1e-3 and factory.name == "sft":
            raise ValueError("no luck")
        return {}

    pretend(breaks)
    text = FILE.partition("[sweep]")[0]
    code, out, _ = call("sweep", written(text))
    assert code == 1
    assert "9 runs in" in out
    assert "1/9 rag · seed 0: " in out
    assert "sft · seed 1 · train.lr=0.001: failed: ValueError: no luck" in out
    assert "7 of 9 runs done" in out
    assert f"next: harness compare {tmp_path / 'out'} --out report" in out


WRONG = [
    (("--executor", "pbs"), "", "--executor pbs; expected local, slurm, ray"),
    (("--jobs", "0"), "", "--jobs 0; expected a whole number from 1"),
    (("--processes", "0"), "", "--processes 0; expected a whole number from 1"),
    (("--until", "tuned"), "", "--until tuned; expected trained or generated"),
    ((), ("method.lam = [0, 0.5]", "method.lamm = [0]"), "line 19: method.lamm: none of rag, sft"),
    ((), ("[0, 0.5]", '[0, "x"]'), "line 19, options of flythinker: lam = 'x'; expected"),
    ((), ('["rag", "sft", "flythinker"]', '"rga"'), "no method 'rga'. Did you mean 'rag'?"),
    (
        (),
        ('["rag", "sft", "flythinker"]', '"rag"'),
        "line 12: train.lr has several values and changes nothing: rag is not trained; expected",
    ),
]


@pytest.mark.parametrize(("words", "change", "message"), WRONG)
def test_what_cannot_be_run_is_refused_before_any_run(call, written, words, change, message):
    text = FILE.replace(*change) if change else FILE
    code, _, err = call("sweep", written(text), *words)
    assert (code, message in err) == (2, True), err


@pytest.mark.parametrize(
    ("executor", "package", "extra"),
    [("slurm", "submitit", "sweep"), ("ray", "ray", "ray")],
)
def test_an_executor_without_its_package_says_what_to_install(
    call, written, monkeypatch, executor, package, extra
):
    monkeypatch.setitem(sys.modules, package, None)
    code, _, err = call("sweep", written(), "--executor", executor, "--jobs", "2")
    assert code == 2
    assert f"needs the package {package}; found none." in err
    assert f"pip install 'flythinker-harness[{extra}]'" in err


def test_slurm_without_sbatch_is_refused(call, written, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setattr("shutil.which", lambda name: None)
    code, _, err = call("sweep", written(), "--executor", "slurm")
    assert (code, "found no sbatch; expected a machine from which jobs" in err) == (2, True), err


def test_the_live_table_shows_what_runs_first_and_fits_its_terminal():
    entries = [Entry(SweepJob(f"sft · seed {at} · {'x' * 90} · end", "sft", (), Path(), Path()))
               for at in range(30)]  # fmt: skip
    entries[3].state, entries[3].progress = "running", "training 3/50"
    entries[7].state, entries[7].seconds = "done", 60.0
    entries[9].state = "failed"
    for width in (80, 120):
        console = Console(file=StringIO(), force_terminal=True, width=width, height=24)
        console.print(Screen(console, 30, at_once=2)._table(entries))
        lines = re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue()).splitlines()
        assert max(map(len, lines)) <= width
        assert lines[0].startswith(
            "1 running · 1 failed · 27 waiting · 1 done · about 0:14:00 left"
        )
        assert re.match(r"sft · seed 3.*…x+ · end  running +training 3/50", lines[2])
        assert "… and 12 more" in lines[-1]


@pytest.mark.parametrize("until", ["trained", None])
def test_runs_that_stopped_early_are_continued_and_not_compared(until):
    whole = made_up("product_review", "sft")
    stopped = replace(whole, status="running") if until else whole
    for records in ((stopped,), (None if until else whole,), (whole, stopped)):
        console = Console(file=StringIO(), width=80)
        ends = {f"run {at}": End("done", record) for at, record in enumerate(records)}
        print_end(console, ends, Path("results"), until)
        shown = console.file.getvalue()
        assert ("next: the same command without --until" in shown) == (until is not None)
        assert ("harness compare" in shown) == (until is None)
