"""Mistakes in membership rules and overrides are found before any SQL runs, with file, line and fix."""

import shutil
from pathlib import Path

import pytest

from orchestration.configuration import PROJECT_SEEDS, find_problems

OVERRIDES = [
    ("merge,email,a@one.example,email,b@one.example,same", "'decision' is 'merge'"),
    ("join,phone_number,1,email,b@one.example,same", "'identifier_type' is 'phone_number'"),
    ("join,email,a@one.example,company,one.example,same", "'other_type' is 'company'"),
    ("join,domain,one.example,crm_account,c,", "'reason' is blank"),
    ("join,domain,one.example,domain, One.Example,same", "both identifiers are the same"),
    ("join,domain,one.example,email,a@one.example,theirs", "a person's identifier comes after the organisation's"),
    ("separate,email,a@one.example,domain,one.example,left", "a person and an organisation cannot be kept apart"),
]
RULES = [
    ("inviter,5,", "inviter,4,", "priority 4 stands on line 5 already"),
    ("inviter,5,", "invitation,5,", "rule 'inviter' is missing"),
    ("inviter,5,0.94", "inviter,5,1.94", "'confidence' is '1.94'"),
]
GOOD_OVERRIDES = """\
,email,a@one.example,email,b@one.example,blank means join
separate,domain,one.example,domain,two.example,sold
join,user_id,7,crm_account,c,their freelancer
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT_SEEDS, tmp_path / "seeds")
    return tmp_path / "seeds"


def add_overrides(folder: Path, lines: str) -> None:
    with (folder / "identity_overrides.csv").open("a", encoding="utf-8") as file:
        file.write(lines)


def test_good_overrides_have_no_problem(folder: Path) -> None:
    add_overrides(folder, GOOD_OVERRIDES)
    assert list(find_problems(folder)) == []


@pytest.mark.parametrize(("line", "message"), OVERRIDES)
def test_a_bad_override_is_named_with_its_line(folder: Path, line: str, message: str) -> None:
    add_overrides(folder, GOOD_OVERRIDES + line + "\n")
    problems = [problem for problem in find_problems(folder) if message in str(problem)]
    assert [(Path(problem.file).name, problem.line) for problem in problems] == [("identity_overrides.csv", 5)]
    assert problems[0].fix


def test_a_pair_is_decided_once_whichever_stands_first(folder: Path) -> None:
    add_overrides(folder, GOOD_OVERRIDES + "join,email,B@one.example,email,a@one.example,again\n")
    messages = [str(problem) for problem in find_problems(folder)]
    assert len(messages) == 1
    assert "identity_overrides.csv:5: this pair stands on line 2 already" in messages[0]


@pytest.mark.parametrize(("text", "mistake", "message"), RULES)
def test_a_bad_membership_rule_is_named(folder: Path, text: str, mistake: str, message: str) -> None:
    path = folder / "membership_rules.csv"
    content = path.read_text(encoding="utf-8")
    assert text in content
    path.write_text(content.replace(text, mistake), encoding="utf-8")
    assert any(message in str(problem) and problem.fix for problem in find_problems(folder))
