"""docs/mini.md on learning rate and passes is what the published records say."""

from benchmarks.mini_choices import CELLS, PUBLISHED, losses, table
from harness.record import find_runs, read_record
from tests.support.pages import ROOT

PRESET = CELLS[1]


def test_the_table_is_that_of_the_records():
    assert "\n".join(table(losses())) in (ROOT / "docs" / "mini.md").read_text("utf-8")


def test_every_cell_was_tried():
    found = losses()
    assert list(found) == ["sft", "cot", "coconut", "flythinker"]
    assert all(set(cells) == set(CELLS) for cells in found.values())


def test_fewer_and_more_passes_are_worse():
    for by_cell in losses().values():
        assert all(by_cell[cell] > by_cell[PRESET] for cell in CELLS if cell[0] != PRESET[0])


def test_what_another_rate_gains_is_less_than_the_range_of_the_seeds():
    by_seed = {}
    for run in find_runs([PUBLISHED / "mini"]):
        record = read_record(run)
        own = record.settings.get("method"), record.settings.get("model", {}).get("backbone")
        if record.training and own == ({}, "mini"):
            by_seed.setdefault(record.method, []).append(record.training.val_loss)
    gains = {name: cells[PRESET] - min(cells.values()) for name, cells in losses().items()}
    assert round(max(gains.values()), 4) == 0.0013  # as docs/mini.md says
    assert all(gain < max(by_seed[name]) - min(by_seed[name]) for name, gain in gains.items())
