"""The errors that a user may cause. The CLI prints them without a traceback, exit code 2."""


class HarnessError(Exception):
    """Something that the user can mend; the message says what was got, expected, where, and how."""


class UsageError(HarnessError):
    """A wrong option, name or setting."""


class DivergedError(HarnessError):
    """A training whose loss or gradient stopped being a number."""


class DataError(HarnessError):
    """Data that is missing, malformed or not allowed."""
