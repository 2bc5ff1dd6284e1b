"""A clock that stands still until it is told to advance."""


class Clock:
    """A clock that advances as requested."""

    def __init__(self):
        self.at = 100.0

    def __call__(self):
        return self.at

    def passes(self, seconds):
        self.at += seconds
