"""Progress: bars with rates and time left on a terminal, plain lines elsewhere."""

import io
import re

from harness.progress import LINE_EVERY_S, Bars


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_a_bar_with_its_note_and_the_time_left(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with Bars() as bars:
        update = bars.track("training")
        for done in range(1, 4):
            update(done, 3, f"loss 2.{done} · 4,100 tokens/s")
    screen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    last = screen.splitlines()[-1]
    assert re.search(r"training +━+ 3/3 loss 2\.3 · 4,100 tokens/s 0:00:0\d left 0:00:00", last)


def test_elsewhere_there_are_lines_now_and_then_and_at_the_end(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr("harness.progress.time.monotonic", lambda: now[0])
    with Bars() as bars:
        update = bars.track("writing")
        update(1, 9, "early")
        now[0] += LINE_EVERY_S + 1
        update(2, 9, "late")
        update(3, 9, "soon after")
        update(9, 9, "end [/of] it")
        bars.say("results [/x]: begins anew")
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [
        "writing 2/9 late", "writing 9/9 end [/of] it", "results [/x]: begins anew",
    ]  # fmt: skip
    assert printed.out == ""


def test_quiet_bars_say_nothing(capsys):
    with Bars(quiet=True) as bars:
        bars.track("writing")(9, 9, "end")
        bars.say("anything")
    assert capsys.readouterr() == ("", "")
