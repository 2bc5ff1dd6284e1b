"""What is hidden in a text is spelled out; what is written stays; nothing leaves its script."""

import json

import pytest

from harness.record.visible import blank, json_text, script_json, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("abc\u202edef", "abc⟨U+202E right-to-left override⟩def"),
        ("\u2066x\u2069", "⟨U+2066 left-to-right isolate⟩x⟨U+2069 pop directional isolate⟩"),
        ("\u200fx\u061c", "⟨U+200F right-to-left mark⟩x⟨U+061C arabic letter mark⟩"),
        ("a\x00b\x1b[31m", "a⟨U+0000 control⟩b⟨U+001B control⟩[31m"),
        ("pass\u200bword", "pass⟨U+200B zero width space⟩word"),
        ("\ufeffx", "⟨U+FEFF zero width no-break space⟩x"),
        ("a\u2028b", "a⟨U+2028 line separator⟩b"),
        ("tag\U000e0041", "tag⟨U+E0041 tag latin capital letter a⟩"),
        ("a\u3164b\u034f", "a⟨U+3164 hangul filler⟩b⟨U+034F combining grapheme joiner⟩"),
        ("x\U000e0100", "x⟨U+E0100 variation selector-17⟩"),
        ("lines\r\nand\ttabs\n", "lines\nand\ttabs\n"),
        ("👩\u200d👩\u200d👧 שלום می\u200cخواهم", "👩\u200d👩\u200d👧 שלום می\u200cخواهم"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
    ],
)  # fmt: skip
def test_visible(text, shown):
    assert visible(text) == shown


def test_json_in_a_script_cannot_end_it():
    value = {"</script><script>alert(1)</script>": "<!-- & \u2028 ' \" \\"}
    text = script_json(value)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


def test_numbers_outside_json_are_refused():
    with pytest.raises(ValueError, match="Out of range float"):
        script_json([float("nan")])


def test_json_for_a_terminal_has_no_hidden_character_and_the_same_value():
    value = {"\x7f\u202e": ["\x9b31m", "\ud800", "\U000e0041", "é 中", 1.5, None]}
    text = json_text(value)
    assert json.loads(text) == value
    assert visible(text) == text
    assert "é 中" in text
    assert json_text(value, ascii_only=True).isascii()


def test_what_shows_nothing_is_blank():
    assert all(map(blank, ("", " \n\t", "\u200b\ufeff", "\u3164\u2800\u115f", "\x1b\u00a0")))
    assert not any(map(blank, ("a", "\u200ba", "…", "-")))
