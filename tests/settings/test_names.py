"""Names of runs outlive settings that are added, renamed or removed."""

import hashlib
import json
from pathlib import Path

import pytest

from harness.record import read_record
from harness.settings import RunSettings, build_settings
from harness.settings import names as run_name
from harness.settings.names import frozen_table, leaves, named

PUBLISHED = sorted(
    path
    for path in Path(__file__).parents[2].glob("results/published/**/record.json")
    if not path.parts[-3].startswith(("floor-", "skyline"))  # named by what they are of
)
TODAY = RunSettings().model_dump(mode="json")


def test_there_are_published_records():
    assert len(PUBLISHED) > 20  # an empty list would skip the test below


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: "-".join(path.parts[-5:-1]))
def test_published_names_are_those_of_their_settings(path):
    # seed, then the hash of seedless settings, method, split fingerprints and a plugin's file, as
    # in plan.py
    record = read_record(path)
    settings = RunSettings.model_validate({**record.settings, "seed": 0})
    prints = {name: of.fingerprint for name, of in sorted(record.data.splits.items())}
    files = record.inputs.plugins if record.inputs else {}
    file = record.method.replace("-", "_")
    plugin = [files[file]] if file in files else []
    text = json.dumps([settings.digest(), record.method, prints, *plugin])
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    assert path.parent.name == record.run_id == f"s{record.seed}-{digest}"


def test_every_setting_is_in_the_table():
    # the message says what to do with a new one
    named(TODAY)


def test_a_setting_outside_the_table_says_where_it_belongs():
    with pytest.raises(ValueError, match=r"'decode\.beams' is not in presets/frozen\.json; add it"):
        named({**TODAY, "decode": {**TODAY["decode"], "beams": 4}})


def test_an_added_setting_counts_only_where_it_differs(monkeypatch):
    table = {**frozen_table(), "added": {**frozen_table()["added"], "decode.beams": 1}}
    monkeypatch.setattr(run_name, "frozen_table", lambda: table)

    def with_beams(beams):
        return named({**TODAY, "decode": {**TODAY["decode"], "beams": beams}})

    assert with_beams(1) == named(TODAY)
    assert with_beams(4)["decode"]["beams"] == 4


def test_a_renamed_setting_is_hashed_by_its_old_name(monkeypatch):
    monkeypatch.setattr(run_name, "RENAMED", {"eval.continuation": "eval.forced"})
    renamed = {key: value for key, value in TODAY["eval"].items() if key != "forced"}
    for value in (False, True):
        old = named({**TODAY, "eval": {**TODAY["eval"], "forced": value}})
        assert named({**TODAY, "eval": {**renamed, "continuation": value}}) == old


def test_a_removed_setting_stays_in_the_table():
    without = {key: value for key, value in TODAY["decode"].items() if key != "samples"}
    assert named({**TODAY, "decode": without}) == named(TODAY)


def test_defaults_of_the_first_settings_are_unchanged():
    # a drift alarm: changing a default is fine, but changes the names of runs that relied on it
    first = dict(leaves(frozen_table()["first"]))
    assert first["decode.max_new_tokens"] == 448
    assert first["train.lr_grid"] == [1e-5, 3e-5, 1e-4, 3e-4]


def test_whole_numbers_inside_an_option_are_of_one_form_too():
    words = ["method.a=[1.0, 0.5, true]", "method.b.c=-2.0", "method.d=1.0 x"]
    found = build_settings("mini", words).method
    assert json.dumps(found) == '{"a": [1, 0.5, true], "b": {"c": -2}, "d": "1.0 x"}'


def test_naming_the_backbone_as_reasoner_leaves_the_name():
    usual, half = RunSettings(), RunSettings(model={"reasoner": "mini-half"})
    assert RunSettings(model={"reasoner": "mini"}).digest() == usual.digest() != half.digest()
    other = RunSettings(model={"backbone": "mini-half", "reasoner": "mini"})
    assert other.model.reasoner == "mini"
