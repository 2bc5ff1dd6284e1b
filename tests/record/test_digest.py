"""The digest of values is that of their JSON."""

from __future__ import annotations

from harness.record.digest import json_sha256


def test_it_is_the_sha256_of_one_json_array():
    # printf '["a", {"b": 1, "a": null}]' | sha256sum, and with the keys in order
    assert (
        json_sha256("a", {"b": 1, "a": None})
        == "5409510c90cf5984322caa805c90bfcc6d8002689f2e21eeb51b06692479aed3"
    )
    assert (
        json_sha256("a", {"b": 1, "a": None}, sort_keys=True)
        == "39b9b93259458f34bdfe5f130b865c69b13a1a6c8ca9d7bff8fe69a480f98c9b"
    )
