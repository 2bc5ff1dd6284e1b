"""One look for every figure: a method's colour, marker and line never change, also in greyscale.

drawing, (axes,) = panels.new_figure()
style = looks.looks_of(["sft", "flythinker"])
ends = panels.line(axes, [50, 150], [Cell(1.2, 1.1, 1.3), Cell(1.4, 1.3, 1.5)], style["sft"])
panels.set_caption(drawing, "NLL in nats per slice token; 95 % intervals over 64 users; CPU")
labels.label_ends(axes, ends)          # last: all else moves the panel
images.save(drawing, folder / "drift") # drift.svg and drift.png
"""
