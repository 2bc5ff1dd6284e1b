"""What exports are made from."""

from harness.exports import Source


def sources(runs, texts=True):
    """Runs as exports take them."""
    return [Source(run.path, run.record, texts) for run in runs]
