"""Values of --over."""

import hashlib
import json
from itertools import product

import pytest

from baselines.sft import Sft
from flythinker.flythinker import FlyThinker
from harness.cli.ablate import plan
from harness.cli.jobs import settings_for
from harness.cli.options import RunOptions
from harness.cli.over import parse_over, points
from harness.cli.sweep_jobs import read_sweep
from harness.errors import UsageError
from harness.settings.names import named


@pytest.mark.parametrize("lam", ["0", "1", "2", "5"])
def test_a_number_is_one_setting_however_it_is_given(lam):
    def given(option=None, *sets):
        options = RunOptions(lam=option, set_=list(sets))
        return settings_for(options, "flythinker", FlyThinker)

    whole = {**given().model_dump(mode="json"), "method": {"lam": int(lam)}}
    text = json.dumps(named(whole), sort_keys=True)
    (point,) = plan([f"lam={lam}.0"], RunOptions(), "flythinker", "sft", "0").points
    ways = [point.job.settings, given(float(lam))]
    ways += [given(None, f"method.lam={form}") for form in (lam, f"{lam}.0", f"{lam}e0")]
    assert {one.digest() for one in ways} == {hashlib.sha256(text.encode()).hexdigest()[:12]}


BACKBONES, REASONERS = ("mini", "smollm2"), ("mini", "/models/other")
ASKED = list(product(BACKBONES, REASONERS))


def models(jobs):
    """The backbone and the reasoner of each run; a reasoner left out is a copy of the backbone."""
    both = [job.settings.model for job in jobs]
    return [(model.backbone, model.reasoner or model.backbone) for model in both]


def test_every_pair_of_backbone_and_reasoner_is_the_one_asked_for():
    """The default reasoner, mini, changes nothing beside mini, but much beside smollm2."""
    axes = [
        parse_over(f"{name}={','.join(values)}", "flythinker", FlyThinker)
        for name, values in (("backbone", BACKBONES), ("reasoner", REASONERS), ("lam", ["0.5"]))
    ]
    found = points(axes, RunOptions(), ("flythinker", FlyThinker), None)
    assert [point.values[:2] for point in found] == ASKED
    assert models(point.job for point in found) == ASKED
    assert {str(point.job.settings.method) for point in found} == {"{}"}  # lam's default is dropped
    plain = settings_for(RunOptions(), "flythinker", FlyThinker)
    assert found[0].job.settings.digest() == plain.digest()


def test_a_reasoner_can_vary_where_an_option_names_a_method_that_takes_one():
    given = ["method.flops_of=flythinker"]
    assert parse_over("reasoner=mini,mini-half", "sft", Sft, given).key == "model.reasoner"
    with pytest.raises(UsageError, match="method 'sft' takes no reasoner"):
        parse_over("reasoner=mini,mini-half", "sft", Sft)


@pytest.mark.parametrize("key", ["train.sharding", "api.concurrent", "track.project"])
def test_a_setting_that_the_names_of_runs_leave_out_cannot_vary(key):
    with pytest.raises(UsageError, match=rf"--over {key}=…: the names of runs leave {key} out"):
        parse_over(f"{key}=1,2", "sft", Sft)


def test_every_pair_of_a_sweep_is_the_one_asked_for(tmp_path):
    file = tmp_path / "grid.toml"
    file.write_text(
        'methods = "flythinker"\nseeds = [0]\n[sweep.model]\n'
        f"backbone = {json.dumps(BACKBONES)}\nreasoner = {json.dumps(REASONERS)}\n"
    )
    assert sorted(models(read_sweep(file, RunOptions(), None).jobs())) == sorted(ASKED)
