"""Plays of a whole run: everybody has one, owners have room, words say what happened; the verbs show it."""

import csv
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

from tests.integration.conftest import PROJECT, Installation


def seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_account_has_one_play_and_no_owner_more_than_the_week_allows(small_company: Installation):
    plays = small_company.working("select account_id, play, owner, owner_by, due_at, channel from activation.plays")
    scored = small_company.working("select account_id from scores.account_scores")
    handed_out = Counter(owner for (owner,) in small_company.working("select owner from activation.owner_assignments"))
    slots = {row["owner"]: int(row["weekly_slots"]) for row in seed("owners")}

    assert sorted(row[0] for row in plays) == sorted(row[0] for row in scored)
    assert {row[3] for row in plays} >= {"crm", "assigned", "automation", "nobody"}
    assert handed_out
    assert all(count <= slots[owner] for owner, count in handed_out.items())
    for _, play, owner, owner_by, due_at, channel in plays:
        assert (owner_by == "nobody") == (play == "none") == (channel == "none")
        assert owner_by != "assigned" or owner in slots
        assert (due_at is not None) == (owner_by in ("crm", "assigned"))


def test_sales_keeps_away_from_exactly_those_with_a_reason_or_held_out(small_company: Installation):
    away = small_company.working("select account_id, reason from activation.plays where play = 'none'")
    excluded = small_company.working("select account_id, reason from activation.play_exclusions")
    drawn = small_company.working(
        "select account_id from activation.holdouts where experiment = 'holdout' and is_drawn"
    )

    reasons: dict[str, set[str]] = {}
    for account_id, reason in excluded:
        reasons.setdefault(account_id, set()).add(reason)
    said = {account_id: set(reason.removeprefix("Excluded: ").split(", ")) for account_id, reason in away
            if reason.startswith("Excluded: ")}  # fmt: skip
    assert said == reasons
    assert {account_id for account_id, reason in away if reason.startswith("Held out")} == {row[0] for row in drawn}


def test_talking_points_count_what_happened(small_company: Installation):
    scoring = small_company.working("select as_of_date from features.as_of_dates where is_scoring")[0][0]
    days = small_company.working(
        "select account_id, person_id, signal, occurred_on, events from activity.account_days "
        f"where occurred_on < date '{scoring}' and available_on < date '{scoring}'"
    )
    said = small_company.working("select account_id, talking_points from activation.account_talking_points")
    words = seed("talking_points")

    assert len(said) > 100
    days_of: dict[str, list[tuple]] = {}
    for row in days:
        days_of.setdefault(row[0], []).append(row)
    for account_id, text in said:
        of_week = text.endswith(" this week")
        since = scoring - timedelta(days=7 if of_week else 28)
        own = [row for row in days_of[account_id] if row[3] >= since]
        expected = []
        for row in words:
            if row["signal"] == "team":
                count = len({person for _, person, *_ in own if person})
            else:
                count = sum(events for _, _, signal, _, events in own if signal == row["signal"])
            if count:
                expected.append(row["one"] if count == 1 else row["many"].replace("{n}", str(count)))
        parts = re.split(", | and ", text.removesuffix(" this week").removesuffix(" in the last four weeks"))
        assert parts == expected[:3]


def test_the_contact_is_a_member_who_did_not_opt_out(small_company: Installation):
    contacts = small_company.working(
        """
        select plays.contact_person_id, persons.email, members.account_id, consents.person_id
        from activation.plays as plays
        left join identity.persons as persons on plays.contact_person_id = persons.person_id
        left join identity.account_members as members
            on plays.account_id = members.account_id and plays.contact_person_id = members.person_id
        left join features.person_consents as consents on plays.contact_person_id = consents.person_id
        where plays.contact_person_id is not null
        """
    )

    assert len(contacts) > 20
    assert all(email and account_id and opted_out is None for _, email, account_id, opted_out in contacts)


def test_the_verbs_show_lists_experiments_and_what_reps_said(small_company: Installation, tmp_path: Path):
    installation = small_company.copied_to(tmp_path / "home")
    name, account_id, play = installation.working(
        "select accounts.name, plays.account_id, plays.play from activation.plays as plays "
        "inner join identity.accounts as accounts on plays.account_id = accounts.account_id "
        "where plays.owner_by = 'assigned' order by all limit 1"
    )[0]
    owner = installation.working(f"select owner from activation.plays where account_id = '{account_id}'")[0][0]
    answers = tmp_path / "answers.csv"
    answers.write_text(f"account,disposition,reason,who,said_at\n{account_id},not_ready,no budget,{owner},2026-07-02\n")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text(f"account,disposition,reason,who,said_at\n{account_id},lukewarm,,{owner},yesterday\nNobody,,,,\n")

    shown = installation.pql("plays", "--owner", owner, "--count", "500")
    unknown = installation.pql("plays", "--owner", "Nobody At All", expect=2)
    experiment = installation.pql("holdout", "--share", "0.3")
    first = installation.pql("feedback", "import", str(answers))
    second = installation.pql("feedback", "import", str(answers))
    refused = " ".join(installation.pql("feedback", "import", str(wrong), expect=2).split())

    assert owner in shown
    assert name.split()[0] in shown
    assert "Owners with plays:" in unknown
    assert "Before launch: 30%" in experiment
    assert "Too early" in experiment
    assert "1 new answers, 0 known already" in first
    assert "0 new answers, 1 known already" in second
    assert "wrong.csv:2: 'disposition' is 'lukewarm'. Write one of good_lead" in refused
    assert "'said_at' is 'yesterday'" in refused
    assert "wrong.csv:3: no published account is called 'Nobody'" in refused
    assert installation.working("select account_id, disposition, play, owner from feedback.dispositions") == [
        (account_id, "not_ready", play, owner)
    ]


def test_the_lists_part_those_whom_sales_works_from_customers_who_may_buy_more(small_company: Installation):
    accounts, customers = small_company.pql("top", "--count", "1000").split("customers who may buy more")
    of_sales, of_success = (
        small_company.working(
            "select accounts.name from scores.account_scores as scores "
            "inner join identity.accounts as accounts on scores.account_id = accounts.account_id "
            "inner join activation.plays as plays on scores.account_id = plays.account_id "
            f"where plays.play <> 'none' and scores.stage {condition}"
        )
        for condition in ("<> 'expansion_ready'", "= 'expansion_ready'")
    )
    named = [
        [name for line in part.splitlines() if line.startswith("│") and (name := line[1:].partition("│")[0].strip())]
        for part in (accounts, customers)
    ]

    assert sorted(named[0]) == sorted(name for (name,) in of_sales)
    assert len(named[1]) > 10
    assert sorted(named[1]) == sorted(name for (name,) in of_success)
