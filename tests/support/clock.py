"""A clock that moves only when a test moves it."""


class Clock:
    """A clock that advances as requested."""

    def __init__(self):
        self.at = 100.0

    def __call__(self):
        return self.at

    def passes(self, seconds):
        self.at += seconds
