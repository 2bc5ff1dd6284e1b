"""Rows to train on, and a tiny FlyThinker to train."""

from flythinker import FlyThinkerLM
from harness.engine import Batch
from harness.engine.micro_batches import TrainRow
from harness.settings import TrainSettings
from tests.support.tiny import tiny

ROWS = [
    TrainRow(f"r{at}", tuple(range(1, 4 + at % 3)), tuple((7 * at + k) % 97 for k in range(3 + at)))
    for at in range(7)
]
SETTINGS = TrainSettings(epochs=2, batch_size=3, lr=1e-2, warmup=0.2)


def batch():
    return Batch.from_rows([row.prompt for row in ROWS], [row.response for row in ROWS], 0)


def fly():
    return FlyThinkerLM(tiny(), tiny(seed=1), lam=0.5, lam_warmup=0.5)
