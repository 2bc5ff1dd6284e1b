"""The clock of decoding: a first visible token after hidden text."""

import pytest

from harness.engine.clock import DecodeClock, middle


def test_a_first_visible_token_waits_for_hidden_text():
    clock = DecodeClock()
    clock.add(first=[1.0], total=5.0, steps=2, tokens=3)
    clock.add(first=[2.0], total=2.0, steps=0, tokens=1)
    clock.waited(5.0, since=1)
    # first tokens at 1 and 2 + 5 seconds; the one batch with steps: 4 s over 2
    assert middle(clock.first)[0] == pytest.approx(4.0)
    assert middle(clock.per_step)[0] == 2.0
    assert clock.total == 7.0  # the visible text alone
