"""Summaries of a published run read by a checker of its own: the grammar is closed, and every fact is in the tables."""

import csv
import random
import re
from dataclasses import dataclass

import duckdb
import pytest

from tests.integration.conftest import Installation

PLURALS = re.compile(r"\b1 (days|times|visits|people|hours|points)\b|\b(0|[2-9]|[1-9]\d+) (day|time|visit|point)\b")


@dataclass(frozen=True)
class Read:
    """What a summary says, as it is read back from the text alone."""

    score: int
    grade: str
    reasons_for: tuple[str, ...]
    reasons_against: tuple[str, ...]
    confidence: int | None
    sureness: str
    days: int


@pytest.fixture(scope="module")
def texts(small_company: Installation) -> dict[str, str]:
    with (small_company.project / "seeds" / "phrases.csv").open(encoding="utf-8") as file:
        return {row["phrase"]: row["text"] for row in csv.DictReader(file)}


def grammar(texts: dict[str, str]) -> re.Pattern[str]:
    """One regular expression for all that a summary may say."""

    def sentence(name: str, **words: str) -> str:
        pattern = re.escape(texts[name])
        for word, inner in words.items():
            pattern = pattern.replace(re.escape(f"{{{word}}}"), inner)
        return pattern

    sure = [
        f"(?P<{name}>{sentence(name, confidence=f'(?P<confidence_{name}>[0-9]+)')})"
        for name in ("very_sure", "fairly_sure", "not_sure", "by_rules")
    ]
    held = [
        f"(?P<{name}>{sentence(name, days='(?P<days>[0-9]+)')})"
        for name in ("grade_new", "grade_held_one", "grade_held_many")
    ]
    return re.compile(
        sentence("headline", score="(?P<score>[0-9]+)", grade="(?P<grade>[A-E])")
        + f"(?: {sentence('reasons_for', reasons='(?P<reasons_for>.+?)')})?"
        + f"(?: {sentence('reasons_against', reasons='(?P<reasons_against>.+?)')})?"
        + f" (?:{'|'.join(sure)}) (?:{'|'.join(held)})"
    )


def read(pattern: re.Pattern[str], summary: str) -> Read:
    found = pattern.fullmatch(summary)
    assert found, f"not of the grammar: {summary}"
    said = found.groupdict()
    sureness = next(name for name in ("very_sure", "fairly_sure", "not_sure", "by_rules") if said[name])
    confidence = None if sureness == "by_rules" else int(said[f"confidence_{sureness}"])
    return Read(
        score=int(said["score"]),
        grade=said["grade"],
        reasons_for=tuple((said["reasons_for"] or "").split("; ")) if said["reasons_for"] else (),
        reasons_against=tuple((said["reasons_against"] or "").split("; ")) if said["reasons_against"] else (),
        confidence=confidence,
        sureness=sureness,
        days=0 if said["grade_new"] else 1 if said["grade_held_one"] else int(said["days"]),
    )


def strongest(ledger: list[tuple[str, float, int]], sign: int, most: int) -> tuple[str, ...]:
    """The labels of the strongest signals on one side that are worth half a point or more."""
    side = sorted((rank, label, points) for label, points, rank in ledger if points * sign > 0 and rank > 0)
    return tuple(label for _, label, points in side[:most] if abs(points) >= 0.5)


def test_500_summaries_are_of_the_grammar_and_say_what_the_tables_say(
    small_company: Installation, texts: dict[str, str]
):
    with duckdb.connect(str(small_company.home / "published" / "pql.duckdb"), read_only=True) as published:
        rows = published.execute(
            """
            select account_id, summary, summary_short, score, grade, confidence_pct, days_in_band, readiness_reasons
            from scores.account_scores order by account_id
            """
        ).fetchall()
        ledgers: dict[str, list[tuple[str, float, int]]] = {}
        for account, label, points, rank in published.execute(
            "select account_id, label, points, rank from scores.signal_contributions"
        ).fetchall():
            ledgers.setdefault(account, []).append((label, points, rank))
    pattern, sample = grammar(texts), random.Random(2).sample(rows, 500)  # noqa: S311 - a sample, not a secret

    for account, summary, short, score, grade, confidence, days, readiness in sample:
        told = read(pattern, summary)
        assert told == Read(
            score,
            grade,
            strongest(ledgers[account], 1, 3),
            strongest(ledgers[account], -1, 2),
            confidence,
            sureness_of(confidence),
            days,
        )
        assert len(short) <= 255
        assert summary.startswith(short) or all(label in summary for label in short_reasons(short, texts))
        for text in (summary, short, readiness):
            assert not PLURALS.search(text), text
    assert len(sample) == 500


def test_explain_shows_rules_fit_readiness_and_grade_and_bands_reviews_them(small_company: Installation):
    with duckdb.connect(str(small_company.home / "published" / "pql.duckdb"), read_only=True) as published:
        account, points, verdict, tier, readiness = published.execute(
            """
            select account_id, rule_points, rule_verdict, fit_tier, readiness_reasons
            from scores.account_scores order by score desc, account_id limit 1
            """
        ).fetchone() or ("", 0, "", "", "")
        groups = dict(
            published.execute(
                "select rule_group, points from ml.rule_points where account_id = ?", [account]
            ).fetchall()
        )

    shown = " ".join(small_company.pql("explain", account).split())
    reviewed = small_company.pql("bands")

    assert f"By the rules {points:g} points ({verdict})" in shown
    assert sum(groups.values()) == pytest.approx(points)
    assert all(f"{group} {given:g} of" in shown for group, given in groups.items() if given)
    assert f"Fit {tier}" in shown
    assert readiness in shown
    assert "In grade" in shown
    assert "The score has not moved since the run before, or there was none." in shown
    assert "Nothing applies them: edit bands.csv." in reviewed
    assert "one more rep" in reviewed


def sureness_of(confidence: int | None) -> str:
    if confidence is None:
        return "by_rules"
    return "very_sure" if confidence >= 80 else "fairly_sure" if confidence >= 50 else "not_sure"


def short_reasons(short: str, texts: dict[str, str]) -> list[str]:
    """The reasons that a short summary names, whole ones only."""
    lead, against = texts["reasons_for"].split("{")[0], texts["reasons_against"].split("{")[0]
    _, _, rest = short.partition(lead)
    return [label.removesuffix(".") for part in rest.split(f". {against}") for label in part.split("; ") if label]
