"""The files of claims: those that ship are complete, wrong ones are refused by file and field."""

import pytest

from harness.claims import CostClaim, DifferenceClaim, paper, papers, read_paper
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
RANGE = "low = 1, high = 2 }"
COST = """
[[claims]]
statement = "a costs as much as b"
where = "there"
kind = "cost"
cost = "text_s"
first = "a"
second = "b"
"""
VALUE = """
[[claims]]
statement = "a has lift"
where = "there"
kind = "value"
first = "a"
measure = "lift"
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
        ("[[claims]]", "[claims]", "claims: Input should be a valid tuple"),
        ("[[claims]]", "claims = [1]\n[[other]]", "claims.0: "),
        ('name = "P"', 'name = ""', "name: String should have at least 1 character"),
        ('"a is above b"', '""', "claims.0.difference.statement: String should have"),
        ('first = "a"', 'first = ""', "claims.0.difference.first.0.method: String should have"),
        ('"above"', '"above"\nmeasure = ""', "claims.0.difference.measure: String should have"),
        ('"above"', '"equal"\nmargin = nan', "claims.0.difference.margin: Input should be a fin"),
        ('"above"', '"equal"\nmargin = inf', "claims.0.difference.margin: Input should be a fin"),
        ('"above"', '"equal"\nmargin = -1', "claims.0.difference.margin: Input should be great"),
        ('"above"', '"above"\nmargin = 1', 'a margin goes with "equal" alone'),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_field(tmp_path, old, new, words):
    refused(tmp_path, GOOD.replace(old, new), words)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ("}", "without low or high; expected both ends"),
        ("low = 1 }", "without low or high; expected both ends"),
        ("high = 2 }", "without low or high; expected both ends"),
        ("low = 2, high = 1 }", "low = 2 is above high = 1; expected low ≤ high"),
        ("low = nan, high = 1 }", ".second.1.low: Input should be a finite number"),
        ("low = 1, high = inf }", ".second.1.high: Input should be a finite number"),
    ],
)
def test_a_range_of_a_setting_has_two_finite_ends_in_order(tmp_path, found, words):
    text = GOOD.replace(f", {RANGE}" if found == "}" else RANGE, found)
    refused(tmp_path, text, "claims.0.difference.second.1", words)


def test_a_range_belongs_to_a_setting_by_its_full_name(tmp_path):
    setting = ', setting = "method.x"'
    place = "claims.0.difference.second.1: "
    refused(tmp_path, GOOD.replace(setting, ""), place, "low or high without setting")
    refused(tmp_path, GOOD.replace("method.x", "x"), place, 'setting = "x"; expected section.key')
    refused(tmp_path, GOOD.replace("method.x", ""), place, 'setting = ""; expected section.key')


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ("", "claims.1.cost: every ratio lies in this range; expected low above 0"),
        ("low = 0", "claims.1.cost: every ratio lies in this range"),
        ("low = 2\nhigh = 1", "claims.1.cost: low = 2 is above high = 1"),
        ("low = -1\nhigh = 1", "claims.1.cost.low: Input should be greater than or equal to 0"),
        ("high = 0", "claims.1.cost.high: Input should be greater than 0"),
        ("low = nan\nhigh = 1", "claims.1.cost.low: Input should be a finite number"),
        ("low = 1\nhigh = nan", "claims.1.cost.high: Input should be a finite number"),
    ],
)
def test_a_cost_has_a_range_that_leaves_something_out(tmp_path, found, words):
    refused(tmp_path, GOOD + COST + found, words)


@pytest.mark.parametrize("found", ["low = 1", "high = 1", "low = 1\nhigh = 1"])
def test_a_range_of_a_cost_may_be_open_at_one_end(tmp_path, found):
    path = tmp_path / "p.toml"
    path.write_text(GOOD + COST + found)
    assert isinstance(read_paper(path).claims[1], CostClaim)


def test_a_value_has_a_margin_for_not_below_alone(tmp_path):
    value = GOOD + VALUE + "margin = 0.5\n"
    words = 'claims.1.value: margin = 0.5 with sense = "above"; expected none'
    refused(tmp_path, value + 'sense = "above"', words)
    path = tmp_path / "p.toml"
    path.write_text(value + 'sense = "not below"')
    assert read_paper(path).claims[1].margin == 0.5


def test_a_claim_stands_once(tmp_path):
    again = GOOD + GOOD[GOOD.index("[[claims]]") :]
    refused(tmp_path, again, "claims: 'a is above b' stands 2 times; expected once")


def refused(tmp_path, text, *words):
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_paper(path)
    assert all(each in str(error.value) for each in (str(path), *words)), error.value


def test_an_unknown_paper_has_a_near_name():
    with pytest.raises(UsageError, match="flythinker"):
        paper("flythnker")
    with pytest.raises(DataError, match="cannot be read"):
        paper("absent.toml")
