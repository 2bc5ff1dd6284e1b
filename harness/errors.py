"""The errors that a user may cause. The CLI prints them without a traceback, exit code 2."""


class HarnessError(Exception):
    """Something that the user can mend; the message says what was got, expected, where, and how."""


class UsageError(HarnessError):
    """A wrong option, name or setting."""


class DivergedError(HarnessError):
    """A training whose loss or gradient stopped being a number."""


class DataError(HarnessError):
    """Data that is missing, malformed or not allowed."""


def mendable(error: BaseException) -> str | None:
    """The one message for an error that the user can mend; None for any other."""
    if isinstance(error, HarnessError):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, OSError) and error.filename is not None:
        return (
            f"{type(error).__name__}: {error.filename}: {error.strerror}; expected a file or folder"
            " that can be read and written. Name another one, or mend this one"
        )
    return None
