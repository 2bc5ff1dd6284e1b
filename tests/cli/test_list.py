"""harness list: every kind as a table and as JSON."""

import json

import pytest


@pytest.mark.parametrize("kind", ["methods", "tasks", "metrics", "presets"])
def test_list_is_json_on_request(call, kind):
    code, out, _ = call("list", kind, "--json")
    assert code == 0
    assert json.loads(out)
    code, out, _ = call("list", kind)
    assert code == 0


def test_every_setting_has_its_meaning(call):
    _, out, _ = call("list", "presets", "--json")
    assert all(row["meaning"] for row in json.loads(out))
