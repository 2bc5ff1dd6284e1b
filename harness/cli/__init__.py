"""The command line, one file per verb. Nothing else in harness imports it."""

from harness.cli.verbs import app, main

__all__ = ["app", "main"]
