"""The files of claims: those that ship are complete, wrong ones are refused by file and field."""

import pytest

from harness.claims import DifferenceClaim, paper, papers, read_paper
from harness.errors import DataError, UsageError
from harness.registry import METHODS

GOOD = """
name = "P"
arxiv = "0000.00000"
benchmark = "none"
[[claims]]
statement = "a is above b"
where = "here"
first = "a"
second = ["b", { method = "c", setting = "method.x", low = 1, high = 2 }]
sense = "above"
"""


@pytest.mark.parametrize("name", papers())
def test_a_paper_that_ships_speaks_of_methods_that_ship(name):
    found = papers()[name]
    named = {one.method for claim in found.claims for one in claim.first}
    assert named <= set(METHODS)
    assert all(claim.statement and claim.where for claim in found.claims)
    assert len({claim.statement for claim in found.claims}) == len(found.claims)


def test_short_forms(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text(GOOD)
    (claim,) = read_paper(path).claims
    assert isinstance(claim, DifferenceClaim)
    assert claim.measure == "main"
    assert [str(one) for one in claim.second] == ["b", "c with x 1 to 2"]
    assert paper(str(path)) == read_paper(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('sense = "above"', 'sense = "over"', "claims.0.difference.sense"),
        ('first = "a"\n', "", "claims.0.difference.first"),
        ('first = "a"\n', "first = []\n", "claims.0.difference.first"),
        ('where = "here"', 'were = "here"', "claims.0.difference"),
        ('name = "P"', "", "name"),
        ('name = "P"', "name = P", "not TOML"),
        ("[[claims]]", '[[claims]]\nkind = "x"', "claims.0"),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_field(tmp_path, old, new, words):
    path = tmp_path / "p.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(DataError) as error:
        read_paper(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)


def test_an_unknown_paper_has_a_near_name():
    with pytest.raises(UsageError, match="flythinker"):
        paper("flythnker")
    with pytest.raises(DataError, match="cannot be read"):
        paper("absent.toml")
