"""`--out` that is a file is refused by every verb that writes a folder, before it does anything."""

import pytest

VERBS = [
    ["run", "--method", "nonpers"],
    ["leaderboard", "build"],
    ["trial"],
    ["score", "predictions.jsonl", "--data", "mini", "--task", "product_review"],
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_file_is_no_folder_for_results(call, tmp_path, verb):
    taken = tmp_path / "taken"
    taken.write_text("x")
    code, _, err = call(*verb, "--out", str(taken))
    assert code == 2
    assert "taken is a file; expected a folder, new or existing" in " ".join(err.split())
