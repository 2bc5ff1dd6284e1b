"""Where the replies of a judge on trial are kept."""

from dataclasses import dataclass

import pytest

from harness.data import PRODUCT_REVIEW
from harness.judges.endpoint import Answer
from harness.judges.on_trial import JudgeOnTrial


@dataclass(frozen=True)
class Named:
    name: str
    address: str | None
    parallel: int = 1

    def ask(self, prompt: str) -> Answer:
        return pytest.fail("asked")


def test_judges_of_one_name_at_two_addresses_share_no_replies(tmp_path):
    paths = {
        JudgeOnTrial(Named("m", address), PRODUCT_REVIEW, tmp_path, {}).path
        for address in (None, "http://a/v1", "http://b/v1", "http://a/v1")
    }
    assert len(paths) == 3
    assert {path.name.partition("-")[0] for path in paths} == {"m"}
