"""Words in any script: the tokenizer `unicode` of ROUGE and METEOR."""

from __future__ import annotations

from harness.data.checks import fold

SCRIPTS = (
    "Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Thai", "Lao", "Khmer", "Myanmar",
    "Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet", "Balinese", "Javanese",
)  # fmt: skip
"""Scripts that put no space between words."""


def unspaced() -> str:
    """The class of letters of scripts without spaces, for `regex` with its flag V1."""
    return "[[" + "".join(rf"\p{{scx={name}}}" for name in SCRIPTS) + r"]&&\p{L}]"


class UnicodeWords:
    """Words by Unicode category: runs of letters, marks and digits, folded first (NFKC, case).

    A letter of a script without spaces is a word of its own, with the marks after it. marks: also
    every other visible character, one by one, as METEOR's words have punctuation. On ASCII
    the words are rouge-score's own.
    """

    def __init__(self, *, marks: bool = False) -> None:
        import regex

        own = unspaced()
        single = rf"{own}\p{{M}}*"
        word = rf"[[\p{{L}}\p{{M}}\p{{N}}]--{own}]+"
        rest = r"|[^\s\p{L}\p{M}\p{N}]" if marks else ""
        self._find = regex.compile(f"{single}|{word}{rest}", regex.V1).findall

    def tokenize(self, text: str) -> list[str]:
        """The words of a text in their order."""
        found: list[str] = self._find(fold(text))
        return found
