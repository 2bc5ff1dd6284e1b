"""A plain value in a section's place is refused, whatever else is said of the section."""

import pytest

from harness.api.running import _settings
from harness.errors import UsageError
from harness.settings import build_settings, read_run_file
from harness.settings.flat import nested
from harness.settings.sweep_file import read_sweep_file

GIVEN = [  # assignments, options, what is named
    (["data=reviews", "data.limit=8"], {}, "data = 'reviews'"),
    (["data.limit=8", "data=reviews"], {}, "data = 'reviews'"),
    (["train.epochs=1"], {"train": 1e-4}, "train = 0.0001"),
    (["train=none", "train.epochs=1"], {}, "train = None"),
    (["method=x", "method.lam=1"], {}, "method = 'x'"),
    (["model.template_args=1", "model.template_args.a=2"], {}, "model.template_args = 1"),
]


@pytest.mark.parametrize(("assignments", "options", "named"), GIVEN)
def test_on_the_command_line(assignments, options, named):
    with pytest.raises(UsageError) as caught:
        build_settings("paper", assignments, options)
    assert str(caught.value) == f"settings: {named}; expected a section: name one key of it"


@pytest.mark.parametrize("given", [{"train": 1e-4, "train.epochs": 1},
                                   {"train.epochs": 1, "train": 1e-4}])  # fmt: skip
def test_from_python(given):
    with pytest.raises(UsageError, match=r"train = 0.0001; expected a section: name one key of it"):
        _settings("mini", {}, given)


FILES = [  # a file, the line of the wrong key
    ('data = "reviews"\n[[runs]]\ndata.limit = 8\n', 1),
    ('[data]\nlimit = 8\n[[runs]]\nseed = 1\n[[runs]]\ndata = "reviews"\n', 6),
    ('data = "reviews"\n"data.limit" = 8\n', 1),
]


@pytest.mark.parametrize("read", [read_run_file, read_sweep_file])
@pytest.mark.parametrize(("text", "line"), FILES)
def test_in_a_file(tmp_path, read, text, line):
    path = tmp_path / "runs.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read(path)
    said = f"{path} line {line}: data = 'reviews'; expected a section: name one key of it"
    assert str(caught.value) == said


def test_in_a_preset_file(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("data: reviews\ndata.limit: 8\n")
    with pytest.raises(UsageError, match=r"own.yaml line 1: data = 'reviews'; expected a section"):
        build_settings(str(path))


def test_a_list_of_sections_is_no_sweep(tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text('data = ["a", "b"]\n[[runs]]\ndata.limit = 8\n')
    with pytest.raises(UsageError, match=r"line 1: data = \['a', 'b'\]; expected a section"):
        read_sweep_file(path)
    path.write_text("sweep = 3\n[[runs]]\nsweep.train.lr = [1e-3]\n")
    with pytest.raises(UsageError, match=r"line 1: sweep = 3; expected a table \[sweep\] of lists"):
        read_sweep_file(path)


@pytest.mark.parametrize("order", [1, -1])
def test_a_section_and_keys_of_it_are_joined_in_any_order(order):
    section = {"lr": 1e-3}
    given = dict([("train", section), ("train.epochs", 1)][::order])
    assert nested(given) == {"train": {"lr": 1e-3, "epochs": 1}}
    assert section == {"lr": 1e-3}  # what was given stays as it was
