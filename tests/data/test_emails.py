"""Emails, a file an author: made-up texts only."""

import json
import os

import pytest

from harness.data import load_splits
from harness.data.emails import TOO_FEW, split_of
from harness.data.load import describe_source
from harness.errors import DataError
from harness.registry import find
from harness.settings import build_settings

AUTHORS = [f"author-{number}" for number in range(40)]


def email(author, number):
    words = [f"word{index}-{number}" for index in range(40 + number)]
    return {
        "date": f"2001-05-{10 + number}",
        "subject": f"Meeting {number}",
        "body": f"Hello, this is {author}. {' '.join(words)}",
        "to": "someone",
    }


def write(folder, author, emails):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{author}.jsonl").write_text(
        "".join(json.dumps(each) + "\n" for each in emails).replace("Infinity", "1e999")
    )


@pytest.fixture
def folder(tmp_path):
    for author in AUTHORS:
        write(tmp_path / "mail", author, [email(author, number) for number in range(5)])
    return tmp_path / "mail"


def settings(folder, **data):
    return build_settings(
        "mini", ["task=email_generation"], {"data": {"source": str(folder), **data}}
    )


def test_the_last_email_is_completed_and_the_earlier_ones_are_the_profile(folder):
    splits = load_splits(settings(folder))
    users = {name: {each.user_id for each in split.examples} for name, split in splits.items()}
    assert set.union(*users.values()) == set(AUTHORS)
    assert all(split_of(user) == name for name, each in users.items() for user in each)
    assert 0 < len(users["test"]) < 12
    example = splits["test"].examples[0]
    assert [entry["title"] for entry in example.profile] == [f"Meeting {n}" for n in range(4)]
    body = email(example.user_id, 4)["body"]
    begins = " ".join(body.split(" ")[:12])  # a quarter of 48 words
    assert example.input == f'Complete the email with the title "Meeting 4" that begins: {begins}'
    assert f"{begins} {splits['test'].references[example.id].text}" == body


BODIES = {  # body → its first words, a quarter of them, and the rest
    "Thanks.    ": ("", "Thanks.    "),
    "        Dear Bob, I will come": ("Dear", "Bob, I will come"),
    "Bob,\n\nI will\ncome at\nnoon  or later": ("Bob,\n\nI", "will\ncome at\nnoon  or later"),
    "one  two three four five six seven eight\n": ("one  two", "three four five six seven eight\n"),
    "今天天气很好，我们去公园散步吧。": ("今天天", "气很好，我们去公园散步吧。"),
    "Thanks \u200b \u200b \u200b": ("", "Thanks \u200b \u200b \u200b"),
}


@pytest.mark.parametrize(("body", "parts"), BODIES.items())
def test_the_first_words_are_a_quarter_in_any_script(folder, body, parts):
    write(folder, AUTHORS[0], [email(AUTHORS[0], 0), email(AUTHORS[0], 1) | {"body": body}])
    splits = load_splits(settings(folder)).values()
    (split,) = [one for one in splits if AUTHORS[0] in {each.user_id for each in one.examples}]
    (example,) = [one for one in split.examples if one.user_id == AUTHORS[0]]
    begins = example.input.removeprefix(
        'Complete the email with the title "Meeting 1" that begins:'
    )
    assert (begins.strip(), split.references[example.id].text) == parts


def test_the_temporal_setting_has_the_same_authors_and_later_emails(folder):
    splits = load_splits(settings(folder, setting="temporal"))
    for name, left in {"train": 2, "val": 3, "test": 4}.items():
        assert {each.user_id for each in splits[name].examples} == set(AUTHORS)
        assert {len(each.profile) for each in splits[name].examples} == {left}


def test_the_prompt_is_longlamps(folder):
    task = find("task", "email_generation")
    entry = {"title": "Lunch", "text": "At noon?", "date": ""}
    assert task.prompt(map(task.phrase, [entry, entry]), "Complete: x") == (
        '"Lunch" is the title for "At noon?" , and "Lunch" is the title for "At noon?" . '
        "Complete: x"
    )
    assert task.query("Complete the email that begins: Hi Bob: see") == "Hi Bob: see"


def test_authors_with_too_few_emails_are_counted_and_files_are_hashed(folder):
    author = next(each for each in AUTHORS if split_of(each) == "test")
    write(folder, author, [email(author, 0)])
    splits = load_splits(settings(folder))
    assert splits["test"].dropped == {TOO_FEW: 1}
    info = describe_source(settings(folder), splits)
    assert info.kind == "folder"
    assert sorted(info.files) == sorted(f"{each}.jsonl" for each in AUTHORS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"body": " "}, "line 2, body\n  found     text ' '\n  expected  text that is not empty"),
        ({"body": "\ud800"}, "line 2, body\n .*\n  expected  text without lone surrogates"),
        ({"body": "x" * 200_001}, "line 2, body\n .*\n  expected  at most 200,000 characters"),
        ({"subject": None}, "line 2, subject\n  found     null\n  expected  an object with"),
        ({"subject": 5}, "line 2, subject\n  found     number 5"),
        ({"date": "2001-05-01"}, "line 2, date\n .*text '2001-05-01' after text '2001-05-10'"),
        ({"date": {"y": 1}}, "line 2, date\n  found     object .*\n  expected  text or a number"),
        ({"date": True}, "line 2, date\n .*\n  expected  text or a number"),
        ({"date": float("inf")}, "line 2, date\n .*\n  expected  a finite number"),
        ({"date": "\ud800"}, "line 2, date\n .*\n  expected  text without lone surrogates"),
        ({"date": 989366400}, "line 2, date\n .*\n  expected  dates of one kind"),
    ],
)
def test_a_bad_email_is_named(folder, change, message):
    author = AUTHORS[0]
    write(folder, author, [email(author, 0), email(author, 1) | change, email(author, 2)])
    with pytest.raises(DataError, match=message) as caught:
        load_splits(settings(folder))
    assert f"{author}.jsonl" in str(caught.value)


def test_a_line_without_a_field_or_an_object_is_named(folder):
    for line, message in {
        '{"subject": "s"}': "line 1, body\n  found     nothing\n  expected  an object with subject",
        "[1]": r"line 1\n  found     list \[1\]\n  expected  an object with subject and body",
    }.items():
        (folder / f"{AUTHORS[0]}.jsonl").write_text(line + "\n")
        with pytest.raises(DataError, match=message):
            load_splits(settings(folder))


RISING = [
    (999999000, 1000000500),
    (999999000.5, 1000000500),
    ("999999000", "1000000500"),
    ("999999000.25", "1000000500"),
    (0, 1),
    (10**400, 10**400 + 1),
    ("2001-12", "2001-12-05"),
]


@pytest.mark.parametrize("dates", RISING)
def test_numbers_are_compared_as_numbers(folder, dates):
    author, (first, last) = AUTHORS[0], dates

    def dated(*dates):
        mails = [email(author, number) for number in range(len(dates))]
        return [mail | {"date": date} for mail, date in zip(mails, dates, strict=True)]

    write(folder, author, dated(first, None, last, last))
    splits = load_splits(settings(folder))
    (example,) = [one for each in splits.values() for one in each.examples if one.user_id == author]
    assert [entry["date"] for entry in example.profile] == [str(first), "", str(last)]
    write(folder, author, dated(last, "", first))
    with pytest.raises(
        DataError, match=r"line 3, date\n  found .* after .*\n  expected  emails in"
    ):
        load_splits(settings(folder))


def test_a_file_whose_name_is_not_utf8_is_refused(folder):
    write(folder, os.fsdecode(b"jos\xe9"), [email("jos", number) for number in range(5)])
    with pytest.raises(DataError) as refused:
        load_splits(settings(folder))
    assert str(refused.value) == (
        f"{folder}\n  found     a file named 'jos\\udce9.jsonl'\n  expected  a name in UTF-8"
        "\n  mend      rename the file"
    )


def test_a_folder_of_splits_is_read_as_such(folder):
    row = {"author": "a", "input": "x", "output": "y", "profile": []}
    (folder / "test.jsonl").write_text(json.dumps(row) + "\n")
    (example,) = load_splits(settings(folder), ["test"])["test"].examples
    assert (example.user_id, example.input) == ("a", "x")
