"""Values of --over."""

import hashlib
import json

import pytest

from flythinker.flythinker import FlyThinker
from harness.cli.ablate import plan
from harness.cli.jobs import settings_for
from harness.cli.options import RunOptions
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
