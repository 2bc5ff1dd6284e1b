import pytest

from baselines.cot import Cot
from harness.conformance.world import World


@pytest.fixture(scope="package")
def world(tmp_path_factory):
    """CoT in the kit's tiny world."""
    return World(Cot, tmp_path_factory.mktemp("world"), {"analysis_tokens": 8})
