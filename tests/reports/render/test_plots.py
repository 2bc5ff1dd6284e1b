"""One look for every figure: labels apart, bytes that repeat, grey that tells lines apart."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from harness.reports.render import plots
from harness.reports.render.plots.looks import FURTHER_LOOKS, METHOD_LOOKS
from harness.reports.render.table import Cell


@pytest.mark.parametrize(
    ("places", "gap", "bounds", "expected"),
    [
        ([0, 100], 12, (), [0, 100]),  # far enough already
        ([50, 50], 12, (), [44, 56]),  # six each way
        ([50, 52, 51], 10, (), [41, 61, 51]),  # by place, not by order given
        ([0, 30, 32], 10, (), [0, 26, 36]),  # the far one stays
        ([95, 97], 12, (0, 100), [88, 100]),  # not past the top
        ([1, 2], 12, (0, 100), [0, 12]),  # nor below the bottom
        ([5, 5, 5], 12, (0, 20), [0, 12, 24]),  # more than fit begin at the bottom
    ],
)
def test_labels_move_as_little_as_they_can(places, gap, bounds, expected):
    assert plots.spread(places, gap, *bounds) == pytest.approx(expected)


def drawn():
    drawing, (axes,) = plots.figure()
    looks = plots.looks(["sft", "flythinker", "mine"])
    ends = []
    for at, look in enumerate(looks.values()):
        points = [Cell(1.0 + 0.01 * at, 0.9, 1.1), Cell(2.0, 1.9, 2.1), Cell()]
        ends += plots.line(axes, [0, 1, 2], points, look)
    plots.label_ends(axes, ends)
    plots.title(axes, "a <title> & more")
    plots.caption(drawing, "nats; n = 3")
    return drawing, axes


def test_the_same_figure_has_the_same_bytes(tmp_path):
    one = plots.save(drawn()[0], tmp_path / "one")
    other = plots.save(drawn()[0], tmp_path / "v1.other")  # a dot in the name stays
    assert [path.name for path in other] == ["v1.other.svg", "v1.other.png"]
    for a, b in zip(one, other, strict=True):
        assert a.read_bytes() == b.read_bytes()
    assert "<dc:date>" not in one[0].read_text()


def test_labels_at_one_place_do_not_overlap_and_stay_beside_their_panel():
    drawing, axes = drawn()
    drawing.draw_without_rendering()
    boxes = [Text.get_window_extent(note) for note in axes.texts]  # without their leader lines
    boxes.sort(key=lambda box: box.y0)
    assert len(boxes) == 3
    assert all(below.y1 <= above.y0 + 2 for below, above in pairwise(boxes))
    assert all(box.x0 >= axes.transData.transform((1, 2))[0] for box in boxes)


def test_labels_of_points_avoid_each_other_and_the_frame():
    drawing, (axes,) = plots.figure()
    looks = plots.looks(["first", "second", "at the edge"])
    points = list(zip((0.0, 0.0, 9.0), (1.0, 1.0, 1.0), looks.values(), strict=True))
    for x, y, look in points:
        plots.point(axes, Cell(x), Cell(y, 0.5, 1.5), look)
    plots.label_points([(axes, points)])
    drawing.draw_without_rendering()
    boxes = [note.get_window_extent() for note in axes.texts]
    assert not boxes[0].overlaps(boxes[1])
    assert boxes[2].x1 <= axes.get_window_extent().x1


def test_points_without_room_for_their_names_have_a_legend_beside_the_first_panel():
    drawing, panels = plots.figure(rows=2)
    looks = plots.looks(f"flythinker (lam={at})" for at in range(11))
    places = [0.0, *(5.0 + at / 100 for at in range(9)), 10.0]  # nine at nearly one place
    points = [(at, at, look) for at, look in zip(places, looks.values(), strict=True)]
    for axes in panels:
        for x, y, look in points:
            plots.point(axes, Cell(x), Cell(y), look)
    plots.label_points([(axes, points) for axes in panels])
    drawing.draw_without_rendering()
    assert [len(axes.texts) for axes in panels] == [0, 0]
    legend = panels[0].get_legend()
    highest_first = [look.name for _, _, look in reversed(points)]
    assert [text.get_text() for text in legend.get_texts()] == highest_first
    assert legend.get_window_extent().x0 >= panels[0].get_window_extent().x1
    assert legend.get_window_extent().x1 <= drawing.bbox.x1


def test_an_inline_figure_takes_the_pages_ink_and_keeps_its_ids_apart():
    text = plots.inline_svg(drawn()[0], 'it\'s "quoted" <b>', "drift")
    assert text.startswith('<svg role="img" aria-label="it&#x27;s &quot;quoted&quot; &lt;b&gt;"')
    assert text.endswith("</svg>")
    for colour in (plots.INK, plots.FAINT, plots.GRID):
        assert colour not in text
    assert "currentColor" in text
    assert 'id="drift-' in text
    assert 'xlink:href="#m' not in text  # every reference goes to a renamed id
    assert "a &lt;title&gt; &amp; more" in text


def test_the_six_methods_differ_in_grey_or_in_line_and_never_share_a_marker():
    looks = list(METHOD_LOOKS.values())
    assert len({look.marker for look in looks}) == 6
    assert len({str(look.line) for look in looks}) == 6
    grey = sorted(np.dot(to_rgb(look.colour), (0.2126, 0.7152, 0.0722)) for look in looks)
    assert grey[0] > 0.1
    assert grey[-1] < 0.75  # none vanishes on white


def test_names_without_a_look_take_the_further_ones_in_order():
    found = plots.looks(["mine", "sft", "yours", "mine"])
    assert list(found) == ["mine", "sft", "yours"]
    assert found["mine"] == replace(FURTHER_LOOKS[0], name="mine")
    assert found["sft"] == replace(METHOD_LOOKS["sft"], name="sft")
    assert found["yours"] == replace(FURTHER_LOOKS[1], name="yours")


def test_many_names_have_looks_of_their_own():
    found = plots.looks(f"mine {at}" for at in range(20)).values()
    assert len({(look.colour, look.marker) for look in found}) == 20


def test_a_long_label_keeps_what_sets_systems_apart():
    weights, reads = "flythinker (reasoner_weights=frozen)", "flythinker (reasoner_reads=position)"
    assert [plots.short(weights), plots.short(reads)] == [
        "flythinker (frozen)", "flythinker (position)"
    ]  # fmt: skip
    assert plots.short("sft (flops_of=flythinker)") == "sft (flops_of=flythinker)"
    assert plots.short("mine (alpha_of_the_thing=1, beta_of_it=2)") == "mine (1, 2)"


def test_a_long_name_leaves_room_for_its_panel_and_dollars_are_dollars(tmp_path, recwarn):
    drawing, (axes,) = plots.figure()
    name = "$x^2 (" + "lam=0.123456, " * 30 + ")"
    (look,) = plots.looks([name]).values()
    plots.label_ends(axes, plots.line(axes, [0, 1], [Cell(1.0), Cell(2.0)], look))
    plots.label_points([(axes, [(0, 1.0, look)])])
    plots.caption(drawing, "costs $5 and $6")
    text = plots.save(drawing, tmp_path / "long")[0].read_text()
    assert plots.short(name).endswith("…")
    assert text.count(plots.short(name)) >= 2
    assert "costs $5 and $6" in text
    assert not [one for one in recwarn if "constrained_layout" in str(one.message)]
    assert axes.get_position().width > 0.4
