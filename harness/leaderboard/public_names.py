"""Names and links that a reader can trust: visible, in plain letters, unlike another row's."""

from __future__ import annotations

import re
import unicodedata

from harness.record.visible import blank

LIKE_LATIN = dict(
    zip(
        "аеорсухіјѕһԁԛԝвнкмтгп" + "АВЕЅІЈКМНОРСТХҮ" + "οαινυρκτχ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" + "ⅼℓıɡ",
        "aeopcyxijshdqwbhkmtrn" + "ABESIJKMHOPCTXY" + "oaivupktx" + "ABEZHIKMNOPTYX" + "llig",
        strict=True,
    )
)
"""Cyrillic, Greek and other letters that look like a Latin one (Unicode's confusables, in part)."""
LINK = re.compile(
    r"https://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z]{2,})(?::\d{1,5})?(?:[/?#][!-~]*)?"
)


def plain_name(text: str) -> str:
    """The name itself. Raises ValueError unless it is visible, in plain letters of one script."""
    if blank(text):
        raise ValueError("expected a name that shows a letter")
    if text != text.strip():
        raise ValueError("expected a name without spaces around it")
    normal = unicodedata.normalize("NFKC", text)
    if normal != text:
        raise ValueError(f"expected plain letters, such as {normal!r:.80}")
    for word in re.findall(r"\w+", text):
        latin = any(char.isascii() and char.isalpha() for char in word)
        odd = [char for char in word if char in LIKE_LATIN]
        if latin and odd:
            raise ValueError(
                f"{word!r:.80} mixes Latin letters with U+{ord(odd[0]):04X}, which looks like"
                f" {LIKE_LATIN[odd[0]]!r}; expected letters of one script in a word"
            )
    return text


def skeleton(name: str) -> str:
    """What a name looks like: equal for names that a reader takes for one."""
    folded = "".join(LIKE_LATIN.get(char, char) for char in unicodedata.normalize("NFKD", name))
    letters = (char for char in folded.casefold() if unicodedata.category(char)[0] not in "MZC")
    return "".join(letters).translate(str.maketrans("01l", "oii"))


def plain_link(link: str) -> str:
    """The link itself. Raises ValueError unless its host is what a reader sees."""
    found = LINK.fullmatch(link)
    if found is None:
        raise ValueError(
            "expected https://HOST/PATH in ASCII, with a host of letters, digits, - and dots, and"
            " no user name before it"
        )
    if "xn--" in found["host"].lower():
        raise ValueError("expected a host in plain letters, found an encoded one (xn--)")
    return link
