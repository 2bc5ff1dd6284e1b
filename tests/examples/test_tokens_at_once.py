"""`decode.tokens_at_once` bounds what methods generate by themselves, with any model."""

import pytest
from harness_example_methods.cope import Cope
from harness_example_methods.pag import Pag

from baselines.cot import Cot
from harness.pipeline.single import run
from tests.support.prefills import noted_prefills
from tests.support.runs import StopNowError, settings, stop_now

MOST = {Cot: 700, Pag: 700, Cope: 250}
"""Fewer tokens than the longest batch has, and more than two of its rows."""
OPTIONS = {Cot: {"analysis_tokens": 5}, Pag: {"summary_tokens": 5}, Cope: {"user_lr": 0.01}}


@pytest.mark.parametrize("method", OPTIONS, ids=lambda method: method.name)
def test_a_method_has_no_more_tokens_in_a_model_than_the_bound(
    tmp_path, reviews, backbone, monkeypatch, method
):
    bound = MOST[method]
    chosen = settings(
        reviews, backbone, method.name, "decode.batch_size=16", f"decode.tokens_at_once={bound}"
    )
    chosen = chosen.model_copy(update={"method": OPTIONS[method]})
    monkeypatch.setattr("harness.pipeline.local.generate_all", stop_now)  # the method's own remain
    prefills = noted_prefills(monkeypatch)
    with pytest.raises(StopNowError):
        run(chosen, method.name, tmp_path, factory=method)
    assert max(map(len, prefills)) > 1
    assert all(len(rows) == 1 or len(rows) * max(rows) <= bound for rows in prefills)
