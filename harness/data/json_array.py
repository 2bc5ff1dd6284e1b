"""A file that is one JSON array → its elements; memory holds one of them and a chunk of the file.

An element is decoded by the decoder of `harness.record.strict_json`, so it has the value that the
same text has on a line of JSON Lines. Where the text read so far ends inside an element, more is
read and the element is decoded again.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from harness.data.rows import data_error, not_utf8, shown, unfit_json
from harness.errors import DataError
from harness.record.strict_json import TOO_DEEP, decoder

CHUNK = 1 << 20
"""Bytes read at once; after an element that did not end in them, as many again as there are."""
CLOSE = 16
"""An error this near to the end of what was read may be due to a token that goes on after it."""
SPACE = " \t\n\r"


def array_elements(stream: BinaryIO, path: Path) -> Iterator[tuple[int, str, Any]]:
    """(number from 1, place, value) of each element of the array in a stream.

    path: names the file in messages.

    Raises DataError naming element, line and column of the first text that is not JSON.
    """
    text = _Text(stream, path)
    if text.skip("[") is None:
        lines = "; rename it to .jsonl if it has one object a line" if text.peek() == "{" else ""
        raise text.error("an array of rows: [{…}, {…}]", f"correct the file{lines}")
    if text.skip("]") is None:
        while True:
            text.number += 1
            place = text.place(column=False)
            yield text.number, place, text.element()
            if text.skip("]") is not None:
                break
            if text.skip(",") is None:
                raise text.error("a comma or ] after the row", "correct the file at this place")
    text.number = 0
    if text.peek():
        raise text.error("nothing after the array", "remove what follows its last ]")


class _Text:
    """The text of a stream from the place that was reached; `number` is that of the element."""

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self._stream, self._path = stream, path
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._json = decoder()
        self._text, self._at, self._bytes, self._ended = "", 0, 0, False
        self._line, self._column = 1, 1  # of the start of _text
        self.number = 0
        self._more()
        self._text = self._text.removeprefix("\ufeff")

    def peek(self) -> str:
        """The next character that is no white space; "" at the end. It is the next to be read."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def skip(self, character: str) -> str | None:
        """Go past a character; None if another one is next."""
        if self.peek() != character:
            return None
        self._at += 1
        return character

    def element(self) -> Any:
        """The JSON value that is next."""
        self.peek()
        while True:
            try:
                value, self._at = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                inside = error.msg.startswith("Unterminated string")
                if (inside or error.pos >= len(self._text) - CLOSE) and not self._ended:
                    self._more()
                    continue
                self._at = error.pos
                raise self._not_json(error.msg, inside) from None
            except RecursionError:
                raise self._unfit(TOO_DEEP) from None
            except ValueError as error:
                raise self._unfit(str(error)) from None
            return value

    def place(self, column: bool = True) -> str:
        """Where the text was reached, for messages."""
        self.peek()
        line, at = self._position()
        row = f" row {self.number}," if self.number else ""
        return f"{self._path}{row} line {line}" + (f", column {at}" if column else "")

    def error(self, expected: str, mend: str) -> DataError:
        """The error that something else is next."""
        place, next_ = self.place(), self._text[self._at : self._at + 100]
        return data_error(place, shown(next_) if next_ else "the end of the file", expected, mend)

    def _not_json(self, why: str, inside: bool) -> DataError:
        rest = self._text[self._at : self._at + 100].strip()
        found = f"{why}, at {shown(rest)}"
        return data_error(
            self.place(),
            "the file ends inside its JSON" if inside or not rest else found,
            "a JSON array of complete rows",
            "correct the row; was the file copied completely?",
        )

    def _unfit(self, why: str) -> DataError:
        return unfit_json(self.place(column=False), why, "correct the row")

    def _position(self) -> tuple[int, int]:
        """Line and column of the place that was reached, from 1."""
        breaks = self._text.count("\n", 0, self._at)
        if not breaks:
            return self._line, self._column + self._at
        return self._line + breaks, self._at - self._text.rindex("\n", 0, self._at)

    def _more(self) -> bool:
        """Forget what was passed and read on; False at the end of the stream."""
        if self._ended:
            return False
        self._line, self._column = self._position()
        left = self._text[self._at :]
        raw = self._stream.read(max(CHUNK, len(left)))
        self._ended = not raw
        before = len(self._decode.getstate()[0])
        try:
            self._text, self._at = left + self._decode.decode(raw, final=self._ended), 0
        except UnicodeDecodeError as error:
            at = self._bytes - before + error.start
            raise not_utf8(str(self._path), at, error.object[error.start]) from None
        self._bytes += len(raw)
        return not self._ended
