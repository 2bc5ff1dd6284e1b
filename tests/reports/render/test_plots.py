"""One look for every figure: labels apart, bytes that repeat, grey that tells lines apart."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from harness.reports.render.plots.images import inline_svg, save
from harness.reports.render.plots.labels import label_ends, legend, short, spread
from harness.reports.render.plots.looks import (
    FAINT,
    FURTHER_LOOKS,
    GRID,
    INK,
    METHOD_LOOKS,
    looks_of,
)
from harness.reports.render.plots.panels import line, new_figure, point, set_caption, set_title
from harness.reports.render.table import Cell

pytestmark = pytest.mark.usefixtures("rendered")


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
    assert spread(places, gap, *bounds) == pytest.approx(expected)


def drawn():
    drawing, (axes,) = new_figure()
    looks = looks_of(["sft", "flythinker", "mine"])
    ends = []
    for at, look in enumerate(looks.values()):
        points = [Cell(1.0 + 0.01 * at, 0.9, 1.1), Cell(2.0, 1.9, 2.1), Cell()]
        ends += line(axes, [0, 1, 2], points, look)
    label_ends(axes, ends)
    set_title(axes, "a <title> & more")
    set_caption(drawing, "nats; n = 3")
    return drawing, axes


def test_the_same_figure_has_the_same_bytes(tmp_path):
    one = save(drawn()[0], tmp_path / "one")
    other = save(drawn()[0], tmp_path / "v1.other")  # a dot in the name stays
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


def test_a_legend_stands_beside_its_panel_the_highest_point_first():
    drawing, (axes, _) = new_figure(rows=2)
    looks = looks_of(f"flythinker (lam={at})" for at in range(11))
    points = [(at, at, look) for at, look in enumerate(looks.values())]
    for x, y, look in points:
        point(axes, Cell(x), Cell(y), look)
    legend(axes, points)
    drawing.draw_without_rendering()
    found = axes.get_legend()
    highest_first = [look.name for _, _, look in reversed(points)]
    assert [text.get_text() for text in found.get_texts()] == highest_first
    assert found.get_window_extent().x0 >= axes.get_window_extent().x1
    assert found.get_window_extent().x1 <= drawing.bbox.x1


def test_an_inline_figure_takes_the_pages_ink_and_keeps_its_ids_apart():
    text = inline_svg(drawn()[0], 'it\'s "quoted" <b>', "drift")
    assert text.startswith('<svg role="img" aria-label="it&#x27;s &quot;quoted&quot; &lt;b&gt;"')
    assert text.endswith("</svg>")
    for colour in (INK, FAINT, GRID):
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
    found = looks_of(["mine", "sft", "yours", "mine"])
    assert list(found) == ["mine", "sft", "yours"]
    assert found["mine"] == replace(FURTHER_LOOKS[0], name="mine")
    assert found["sft"] == replace(METHOD_LOOKS["sft"], name="sft")
    assert found["yours"] == replace(FURTHER_LOOKS[1], name="yours")


def test_many_names_have_looks_of_their_own():
    found = looks_of(f"mine {at}" for at in range(20)).values()
    assert len({(look.colour, look.marker) for look in found}) == 20


def test_a_long_label_keeps_what_sets_systems_apart():
    weights, reads = "flythinker (reasoner_weights=frozen)", "flythinker (reasoner_reads=position)"
    assert [short(weights), short(reads)] == [
        "flythinker (frozen)", "flythinker (position)"
    ]  # fmt: skip
    assert short("sft (flops_of=flythinker)") == "sft (flops_of=flythinker)"
    assert short("mine (alpha_of_the_thing=1, beta_of_it=2)") == "mine (1, 2)"


def test_a_long_name_leaves_room_for_its_panel_and_dollars_are_dollars(tmp_path, recwarn):
    drawing, (axes,) = new_figure()
    name = "$x^2 (" + "lam=0.123456, " * 30 + ")"
    (look,) = looks_of([name]).values()
    label_ends(axes, line(axes, [0, 1], [Cell(1.0), Cell(2.0)], look))
    legend(axes, [(0, 1.0, look)])
    set_caption(drawing, "costs $5 and $6")
    text = save(drawing, tmp_path / "long")[0].read_text()
    assert short(name).endswith("…")
    assert text.count(short(name)) >= 2
    assert "costs $5 and $6" in text
    assert not [one for one in recwarn if "constrained_layout" in str(one.message)]
    assert axes.get_position().width > 0.4
