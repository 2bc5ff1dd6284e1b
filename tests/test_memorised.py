"""The check for memorised references counts what it says."""

import json

from benchmarks import memorised


def test_agreement_is_counted_from_the_start():
    assert memorised.shared_start([1, 2, 3], [1, 2, 4, 3]) == 2
    assert memorised.shared_start([1, 2], [1, 2, 4]) == 2
    known, other = list(range(60)), list(range(100, 160))
    found = memorised.summary([known[:50], other[:50]], [known, known])
    assert found["verbatim"] == 1
    assert found["longest"] == 50
    assert found["at_least_20"] == 1


def test_a_short_text_must_agree_whole():
    assert memorised.summary([[1, 2, 3, 4]], [[1, 2, 3]])["verbatim"] == 1
    assert memorised.summary([[1, 2, 9, 4]], [[1, 2, 3]])["verbatim"] == 0


def test_the_command_prints_counts_and_no_text(capsys, tmp_path):
    words = ["--data", "mini", "--backbone", "mini-sixth", "--limit", "3"]
    memorised.main([*words, "--figures", str(tmp_path / "figures.json")])
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "figures.json").read_text("utf-8")
    found = json.loads(printed)["tasks"]["product_review"]
    assert found["tried"] == found["references"] == 3
    assert found["own"]["verbatim"] == found["shuffled"]["verbatim"] == 0
