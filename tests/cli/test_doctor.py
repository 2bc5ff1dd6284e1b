"""Doctor on machines that lack things: a finding with its remedy each, never a traceback."""

import json

import pytest
import typer

from harness.cli import doctor
from harness.errors import UsageError


def findings(capsys, fix=False):
    with pytest.raises(typer.Exit) as ended:
        doctor.doctor(fix=fix, json_=True)
    printed = capsys.readouterr()
    return (
        ended.value.exit_code,
        {each["name"]: each for each in json.loads(printed.out)},
        printed.err,
    )


def test_a_package_that_is_not_there_is_a_finding(monkeypatch, capsys):
    def without_torch():
        raise ModuleNotFoundError("No module named 'torch'")

    monkeypatch.setitem(doctor.CHECKS, "device", without_torch)
    code, found, _ = findings(capsys)
    assert code == 2
    assert found["device"]["found"] == "cannot be checked: No module named 'torch'"
    assert found["device"]["remedy"].startswith("make setup")


def test_a_failed_download_is_reported_and_the_other_checks_still_run(monkeypatch, capsys):
    def cannot():
        raise UsageError("WordNet could not be fetched (no route)")

    def missing():
        return doctor.Finding("WordNet", False, "not found", "get it [by hand]", needed=False)

    monkeypatch.setitem(doctor.CHECKS, "wordnet", missing)
    monkeypatch.setitem(doctor.FIXES, "wordnet", cannot)
    monkeypatch.setitem(doctor.FIXES, "smollm2", lambda: "installed")
    code, found, err = findings(capsys, fix=True)
    assert code == 0  # METEOR alone needs it
    assert "wordnet: WordNet could not be fetched (no route)" in err
    assert found["WordNet"]["remedy"] == "get it [by hand]"
    assert found["torch"]["ok"]
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(typer.Exit):
        doctor.doctor()
    assert "get it [by hand]" in capsys.readouterr().out  # brackets are no markup


@pytest.mark.parametrize("name", sorted(doctor.FIXES))
def test_what_is_there_is_not_got_again(monkeypatch, capsys, name):
    monkeypatch.setitem(doctor.CHECKS, name, lambda: doctor.Finding(name, True, "here"))
    monkeypatch.setattr(doctor, "FIXES", {name: lambda: pytest.fail("got again")})
    assert findings(capsys, fix=True)[1][name]["ok"]


def test_a_copy_that_cannot_be_laid_out_is_a_finding(monkeypatch):
    def broken():
        raise UsageError("WordNet is in /usr/share/wordnet, but the cache cannot be written")

    monkeypatch.setitem(doctor.CHECKS, "wordnet", broken)
    found = doctor.look("wordnet")
    assert (found.ok, found.needed) == (False, False)
    assert "cannot be written" in found.remedy
