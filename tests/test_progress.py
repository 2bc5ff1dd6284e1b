"""Progress: bars with rates and time left on a terminal, plain lines elsewhere."""

import io
import re
import sys
import types
from threading import RLock

import pytest
from rich.progress import ProgressSample, Task, TaskID

from harness.progress import LINE_EVERY_S, Bars, Clock, Done


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
    assert re.search(r"training +━+ 3/3 loss 2\.3 · 4,100 tokens/s 0:00:0\d", last)


@pytest.mark.parametrize(
    ("total", "done", "shown"),
    [
        (None, 0, "0:00:47"),  # nothing is known: no count and no time left
        (50, 0, "0/50 0:00:47"),
        (50, 10, "10/50 0:00:47, 0:00:40 left"),
        (50, 50, "50/50 0:00:47"),
    ],
)
def test_time_spent_is_not_called_left_and_the_total_is_there_from_the_start(total, done, shown):
    task = Task(TaskID(0), "x", total, done, _get_time=lambda: 47.0, _lock=RLock())
    task.start_time = 0.0
    if done:  # one step a second over the last ten
        task._progress.extend([ProgressSample(37.0, 0.0), ProgressSample(47.0, 10.0)])
    if done == total:
        task.finished_time = 47.0
    found = " ".join(filter(None, (Done().render(task).plain, Clock().render(task).plain)))
    assert found == shown


def test_waiting_shows_nothing_without_a_terminal_and_starts_and_stops_the_bars(
    monkeypatch, capsys
):
    with Bars().waiting("loading torch"):
        pass
    assert capsys.readouterr() == ("", "")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    bars = Bars()
    with bars.waiting("loading torch"):
        assert bars.progress.live.is_started
    assert not bars.progress.live.is_started
    assert "loading torch" in terminal.getvalue()


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


class Shown:
    """IPython's display, as far as the bars use it."""

    def __init__(self):
        self.pages = []

    def display(self, page, display_id):
        self.update(page)
        return self

    def update(self, page):
        self.pages.append(page)


def test_a_notebook_has_one_output_that_is_replaced(monkeypatch):
    shown, now = Shown(), [100.0]

    class ZMQInteractiveShell:
        """A notebook's shell, by name."""

    python = types.ModuleType("IPython")
    python.get_ipython = ZMQInteractiveShell
    python.display = types.SimpleNamespace(HTML=str, display=shown.display)
    monkeypatch.setitem(sys.modules, "IPython", python)
    monkeypatch.setitem(sys.modules, "IPython.display", python.display)
    monkeypatch.setattr("harness.progress.time.monotonic", lambda: now[0])
    update = Bars().track("training <1>")
    update(1, 9, "too early")
    now[0] += 10
    update(2, 9, "loss <2>")
    update(9, 9, "end")
    assert shown.pages == [
        "<pre>training &lt;1&gt;</pre>",
        '<pre><progress value="2" max="9"></progress> training &lt;1&gt; 2/9 loss &lt;2&gt; · 10 s'
        " · 35 s left</pre>",
        '<pre><progress value="9" max="9"></progress> training &lt;1&gt; 9/9 end · 10 s</pre>',
    ]
    Bars(quiet=True).track("quiet")(1, 1, "")
    assert len(shown.pages) == 3
