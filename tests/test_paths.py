"""The cache folder's parts are complete or absent, whoever makes them."""

import pytest

from harness.paths import make_folder


def test_of_two_processes_that_make_a_folder_the_first_stays(tmp_path):
    target = tmp_path / "cache" / "model"

    def fill(draft):
        (draft / "weights").write_text("second")
        target.mkdir()  # as another process would at this moment
        (target / "weights").write_text("first")

    make_folder(target, fill)
    assert (target / "weights").read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["model"]


def test_a_folder_that_cannot_be_filled_is_absent(tmp_path):
    def fill(draft):
        (draft / "weights").write_text("half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        make_folder(tmp_path / "model", fill)
    assert not any(tmp_path.iterdir())
