"""Prepared caches: made once, whole or absent, made again where they are damaged."""

from __future__ import annotations

import threading

import pytest

from harness.data.prepared import prepared, prepared_root


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


class Maker:
    """Writes a number that rises with each call."""

    def __init__(self):
        self.calls = 0

    def make(self, folder):
        self.calls += 1
        (folder / "value").write_text(f"value {self.calls}")

    def get(self, key="key", **options):
        return prepared("kind", key, self.make, lambda at: (at / "value").read_text(), **options)


def test_a_key_is_made_once_and_another_one_apart():
    maker = Maker()
    assert [maker.get(), maker.get(), maker.get("other")] == ["value 1", "value 1", "value 2"]
    assert Maker().get() == "value 1"  # as in another process


def test_fresh_makes_it_again_and_what_is_not_kept_leaves_no_file():
    maker = Maker()
    assert maker.get(keep=False) == "value 1"
    assert not prepared_root().exists()
    assert [maker.get(), maker.get(fresh=True), maker.get()] == ["value 2", "value 3", "value 3"]


@pytest.mark.parametrize("damage", ["changed", "removed", "added", "no sums"])
def test_a_damaged_folder_is_made_again(damage, caplog):
    maker = Maker()
    maker.get()
    (folder,) = (path for path in (prepared_root() / "kind").iterdir() if path.is_dir())
    if damage == "changed":
        (folder / "value").write_text("value 7")
    elif damage == "removed":
        (folder / "value").unlink()
    elif damage == "added":
        (folder / "more").write_text("")
    else:
        (folder / "sha256.json").write_text("{")
    assert maker.get() == maker.get() == "value 2"
    assert "making it again" in caplog.text


def test_what_fails_or_was_killed_leaves_no_folder():
    def fail(folder):
        (folder / "half").write_text("")
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        prepared("kind", "key", fail, lambda folder: None)
    assert not [path for path in (prepared_root() / "kind").iterdir() if path.is_dir()]
    Maker().get()
    (folder,) = (path for path in (prepared_root() / "kind").iterdir() if path.is_dir())
    draft = folder.with_name(f".draft-{folder.name}-killed")
    draft.mkdir()
    Maker().get(fresh=True)
    assert not draft.exists()


def test_processes_that_need_it_at_once_make_it_once():
    maker, begun, go_on, found = Maker(), threading.Event(), threading.Event(), []

    def slowly(folder):
        begun.set()
        assert go_on.wait(10)
        maker.make(folder)

    def ask(make):
        found.append(prepared("kind", "key", make, lambda at: (at / "value").read_text()))

    first = threading.Thread(target=ask, args=[slowly])
    first.start()
    assert begun.wait(10)
    second = threading.Thread(target=ask, args=[maker.make])
    second.start()
    go_on.set()
    for thread in (first, second):
        thread.join(10)
    assert (found, maker.calls) == (["value 1"] * 2, 1)


def test_a_cache_that_cannot_be_written_is_no_error(monkeypatch, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
    maker = Maker()
    assert [maker.get(), maker.get()] == ["value 1", "value 2"]
    assert "every run will make it again" in caplog.text
