"""WordNet: found, laid out from Debian's packages, fetched, or its absence said."""

from __future__ import annotations

import zipfile
from subprocess import CompletedProcess

import nltk
import pytest

from harness.errors import UsageError
from harness.metrics import wordnet
from tests.support.texts import score


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without WordNet: an empty data path, an empty Debian, a cache of its own."""
    monkeypatch.setattr("nltk.data.path", [str(tmp_path / "nltk_data")])
    monkeypatch.setattr(wordnet, "DEBIAN", tmp_path / "debian")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def pretend_debian(folder):
    folder.mkdir()
    for name in wordnet.FILES:
        (folder / name).write_text(name)


def test_lexnames_are_wordnets_45_files():
    lines = wordnet.lexnames().splitlines()
    assert len(lines) == 45
    assert lines[0] == "00\tadj.all\t3"
    assert lines[2:4] == ["02\tadv.all\t4", "03\tnoun.Tops\t1"]
    assert lines[28:30] == ["28\tnoun.time\t1", "29\tverb.body\t2"]
    assert lines[43:] == ["43\tverb.weather\t2", "44\tadj.ppl\t3"]


def test_without_wordnet_meteor_says_how_to_get_it(bare):
    assert wordnet.find_wordnet() is None
    found = score("meteor", ["a", "b"], ["a", "b"])
    assert (found.value, found.each) == (None, (None, None))
    assert found.missing == wordnet.REMEDY
    assert "harness doctor --fix" in wordnet.REMEDY


def test_debians_copy_is_converted_once_and_completely(bare):
    pretend_debian(bare / "debian")
    place = wordnet.find_wordnet()
    assert place == bare / "cache" / "flythinker-harness" / "nltk_data" / "corpora" / "wordnet"
    assert (place / "data.noun").read_text() == "data.noun"
    assert (place / "lexnames").read_text() == wordnet.lexnames()
    (bare / "debian" / "data.noun").write_text("changed")
    assert wordnet.find_wordnet() == place
    assert (place / "data.noun").read_text() == "data.noun"
    assert [path.name for path in place.parent.iterdir()] == ["wordnet"]


def test_a_half_written_copy_is_replaced(bare):
    pretend_debian(bare / "debian")
    place = wordnet.find_wordnet()
    (place / "data.verb").unlink()
    assert (wordnet.find_wordnet() / "data.verb").read_text() == "data.verb"


def test_a_read_only_cache_is_reported(bare, monkeypatch):
    pretend_debian(bare / "debian")
    (bare / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(bare / "file"))
    with pytest.raises(UsageError, match=r"cannot be written: .*Set XDG_CACHE_HOME"):
        wordnet.find_wordnet()


def test_nltks_own_data_comes_first(bare):
    pretend_debian(bare / "debian")
    corpora = bare / "nltk_data" / "corpora"
    corpora.mkdir(parents=True)
    with zipfile.ZipFile(corpora / "wordnet.zip", "w") as packed:
        packed.writestr("wordnet/lexnames", wordnet.lexnames())
    assert wordnet.find_wordnet() == corpora / "wordnet.zip"


def test_fix_downloads_where_there_is_a_network(bare, monkeypatch):
    def download(name, quiet):
        assert (name, quiet) == ("wordnet", True)
        (bare / "nltk_data" / "corpora").mkdir(parents=True)
        (bare / "nltk_data" / "corpora" / "wordnet.zip").write_text("")
        return True

    monkeypatch.setattr(nltk, "download", download)
    assert wordnet.fix_wordnet().startswith("WordNet was downloaded: ")
    assert wordnet.fix_wordnet().startswith("WordNet is installed: ")


def test_fix_installs_debians_packages_as_root(bare, monkeypatch):
    ran = []

    def execute(command, **options):
        ran.append(" ".join(command))
        if command[1] == "install":
            pretend_debian(bare / "debian")
        return CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(nltk, "download", lambda name, quiet: False)
    monkeypatch.setattr(wordnet.os, "geteuid", lambda: 0)
    monkeypatch.setattr(wordnet.shutil, "which", lambda name: name)
    monkeypatch.setattr(wordnet.subprocess, "run", execute)
    assert wordnet.fix_wordnet().startswith("WordNet was installed from Debian's packages: ")
    assert ran == ["apt-get update", wordnet.INSTALL]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (1000, r"could not be fetched \(nltk.download failed\)\. .*as root"),
        (0, r"failed; `apt-get update` ended with 100: no route\)"),
    ],
)
def test_fix_prints_the_commands_where_it_cannot_install(bare, monkeypatch, user, expected):
    refused = CompletedProcess([], 100, "", "no route\n")
    monkeypatch.setattr(nltk, "download", lambda name, quiet: False)
    monkeypatch.setattr(wordnet.os, "geteuid", lambda: user)
    monkeypatch.setattr(wordnet.shutil, "which", lambda name: name)
    monkeypatch.setattr(wordnet.subprocess, "run", lambda *command, **options: refused)
    with pytest.raises(UsageError, match=expected):
        wordnet.fix_wordnet()
