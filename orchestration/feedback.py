"""What reps say of the accounts they were given: answers from CSV, and how many were good leads."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ingest.vendors.feedback import DISPOSITIONS
from orchestration.configuration import Column, Problem, Row, one_of, read_rows, text
from orchestration.screens import UnknownAccount, find_account
from warehouse.connection import Backend
from warehouse.tables import append_rows, ensure_table, has_table, query

DIMENSIONS = {"all": "All", "grade": "Grade", "play": "Play", "owner": "Owner"}

COLUMNS = {
    "account": text(),
    "disposition": one_of(*DISPOSITIONS),
    "reason": text(required=False),
    "who": text(),
    "said_at": Column(lambda value: _moment(value) is not None, "a day or a moment (UTC) such as 2026-06-01 14:30"),
}
TABLE = pa.schema(
    [
        ("disposition_id", pa.string()),
        ("account_id", pa.string()),
        ("disposition", pa.string()),
        ("reason", pa.string()),
        ("who", pa.string()),
        ("said_at", pa.timestamp("us")),
        ("imported_at", pa.timestamp("us")),
        ("grade", pa.string()),  # these three as they were published when it was imported
        ("play", pa.string()),
        ("owner", pa.string()),
    ]
)


class BadFeedback(ValueError):  # noqa: N818 - the name says what is wrong
    """The file has problems; the message lists them all, each with line and fix."""


@dataclass(frozen=True)
class Imported:
    """How many answers were new, and how many were there already."""

    new: int
    known: int


def import_feedback(backend: Backend, published: Backend, path: Path, now: datetime) -> Imported:
    """Add the answers of a file; those that are there already change nothing.

    Args:
        backend: the working warehouse, whose `feedback.dispositions` is added to.
        published: the published file, in which accounts are looked up by id, name or domain.
        path: a CSV file with account, disposition, reason, who, said_at.
        now: the moment of the import, in UTC.

    Raises:
        BadFeedback: nothing was written.
    """
    rows, problems = read_rows(path, COLUMNS)
    answers: dict[str, dict[str, Any]] = {}
    for line, row in rows:
        try:
            account = find_account(published, row["account"])
        except UnknownAccount as error:
            problems.append(Problem(str(path), line, str(error).rstrip("."), "Write the account's id, name or domain"))
            continue
        if not any(problem.line == line for problem in problems):
            answer = _answer(published, account["account_id"], row, now)
            answers[answer["disposition_id"]] = answer
    if problems:
        raise BadFeedback("\n".join(str(problem) for problem in problems))
    ensure_table(backend, "feedback", "dispositions", TABLE)
    known = {row["disposition_id"] for row in query(backend, "select disposition_id from feedback.dispositions")}
    new = [answer for answer in answers.values() if answer["disposition_id"] not in known]
    append_rows(backend, "feedback", "dispositions", pa.Table.from_pylist(new, schema=TABLE))
    return Imported(len(new), len(rows) - len(new))


def _answer(published: Backend, account_id: str, row: Row, now: datetime) -> dict[str, Any]:
    said = (account_id, row["disposition"], row["reason"].strip(), row["who"].strip(), _moment(row["said_at"]))
    given = query(
        published,
        """
        select scores.grade, plays.play, plays.owner
        from scores.account_scores as scores
        inner join activation.plays as plays on scores.account_id = plays.account_id
        where scores.account_id = ?
        """,
        [account_id],
    )[0]
    return {
        "disposition_id": hashlib.sha256("|".join(map(str, said)).encode()).hexdigest()[:32],
        **dict(zip(("account_id", "disposition", "reason", "who", "said_at"), said, strict=True)),
        "imported_at": now,
        **given,
    }


def _moment(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo is None else None


def acceptance(backend: Backend) -> RenderableType:
    """How many of the accounts that reps spoke of were good leads, by grade, play and owner."""
    rows = query(backend, "select * from reporting.lead_acceptance order by dimension, answers desc, member")
    if not rows:
        return Text(
            "Nobody has said anything that a run has counted yet. Answers come by pql feedback import FILE, by the "
            "form of pql serve, or by a field of the CRM (docs/plays.md); the next pql run counts them."
        )
    table = Table(title="Good leads, of those that somebody spoke of", title_justify="left", pad_edge=False)
    for heading in ("By", "", "Answers", "Good leads", "95 % interval", "Most said otherwise"):
        table.add_column(heading, justify="left" if heading in ("By", "", "Most said otherwise") else "right")
    for row in _in_order(rows):
        table.add_row(
            DIMENSIONS[row["dimension"]],
            row["member"].replace("_", " "),
            f"{row['answers']:,}",
            f"{row['accepted']:,} ({row['acceptance_rate']:.0%})",
            f"{row['acceptance_low']:.0%} to {row['acceptance_high']:.0%}",
            row["most_given_reason"] or "–",
        )
    grades = {row["member"]: row for row in rows if row["dimension"] == "grade"}
    return Group(
        table,
        *(Text(line, style="yellow") for line in grades_to_review(grades)),
        *_outcomes(backend),
        Text("Answers are no outcomes: what counts as won is decided by deals alone.", style="dim"),
    )


def grades_to_review(grades: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Grades whose accounts reps like less than those of a lower one, beyond chance: their border is worth a look.

    Args:
        grades: by grade the row of `reporting.lead_acceptance`. Intervals that touch say nothing.
    """
    return [
        f"Of grade {better} {grades[better]['acceptance_rate']:.0%} are good leads, of grade {worse} "
        f"{grades[worse]['acceptance_rate']:.0%}: look at the border between them (pql bands)."
        for better, worse in pairwise(sorted(grades))
        if grades[better]["acceptance_high"] < grades[worse]["acceptance_low"]
    ]


def _outcomes(backend: Backend) -> Iterator[RenderableType]:
    """How the accounts of each answer went, once any could have."""
    if not has_table(backend, "reporting", "disposition_outcomes"):  # an older version of the job published
        return
    rows = query(backend, "select * from reporting.disposition_outcomes where mature > 0 order by disposition")
    table = Table(title="How those went whose horizon has passed", title_justify="left", pad_edge=False)
    for heading in ("Said", "Accounts", "Won", "95 % interval"):
        table.add_column(heading, justify="left" if heading == "Said" else "right")
    for row in rows:
        table.add_row(
            row["disposition"].replace("_", " "),
            f"{row['mature']:,}",
            f"{row['won']:,} ({row['win_rate']:.0%})",
            f"{row['win_rate_low']:.0%} to {row['win_rate_high']:.0%}",
        )
    if rows:
        yield table


def _in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    order = list(DIMENSIONS)
    return sorted(rows, key=lambda row: order.index(row["dimension"]))
