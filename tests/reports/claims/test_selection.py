"""Which systems of a board a claim speaks of."""

from harness.claims import Selector
from harness.reports.claims.selection import selected
from harness.reports.runs.boards import load_boards
from tests.support.synthetic import write_runs


def test_a_selector_takes_the_usual_settings(tmp_path):
    for name, settings in {"a": [], "b": ["method.lam=2"], "c": ["train.lr=5e-4"]}.items():
        write_runs(
            tmp_path / name,
            ["flythinker"],
            ["product_review"],
            assignments={"flythinker": settings},
        )
    (board,), _ = load_boards([tmp_path])
    (plain,) = selected(board, [Selector("flythinker")])
    assert plain.name == "flythinker"
    (two,) = selected(board, [Selector("flythinker", "method.lam", 1.5, 2.5)])
    assert "lam=2" in two.name
    assert selected(board, [Selector("flythinker", "method.lam", 3.0, 4.0)]) == []


def test_a_range_of_reasoner_shares_is_a_tolerance():
    share = Selector("flythinker", "reasoner share", 0.4, 0.6)
    assert share.ends == (share,)
