"""Train a backbone of the built-in benchmark from scratch.

Resumable: the same command continues from the last checkpoint under --work. At the end the
backbone and its card are in the package, where backbone_path finds them.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from harness.pretraining.pretrain import pretrain
from harness.pretraining.shape import SHAPES


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; `arguments` defaults to those of the process."""
    parser = argparse.ArgumentParser(prog="python -m harness.pretraining", description=__doc__)
    parser.add_argument("name", choices=SHAPES, help="the backbone to train")
    parser.add_argument("--steps", type=int, default=1200, help="optimizer steps")
    parser.add_argument(
        "--work", type=Path, default=Path("results/pretraining"), help="folder for checkpoints"
    )
    parser.add_argument(
        "--more", action="store_true", help="start from the packaged weights, not from scratch"
    )
    parser.add_argument("--bf16", action="store_true", help="bf16 autocast")
    chosen = parser.parse_args(arguments)
    pretrain(chosen.name, chosen.steps, chosen.work, more=chosen.more, bf16=chosen.bf16)


if __name__ == "__main__":
    main()
