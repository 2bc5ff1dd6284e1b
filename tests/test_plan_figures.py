"""The committed comparison of planned with measured is true to its records, and within 25 %."""

import json

from benchmarks.plan import OUT, ROOT, cards_table, measured_table, rows


def test_planned_and_measured():
    committed = json.loads(OUT.read_text(encoding="utf-8"))
    assert committed == rows(), "run: python -m benchmarks.plan"
    for row in committed:
        assert 0.75 <= row["planned"] / row["measured"] <= 1.25, row
    text = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")
    assert measured_table(committed) in text, "run: python -m benchmarks.plan --docs"
    assert cards_table() in text, "run: python -m benchmarks.plan --docs"
