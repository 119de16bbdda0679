"""What outcomes say of the grades: how often each was won, and where the borders would lie by the newest outcomes.

Nothing here changes a border. Two are proposed: grade B begins where the share of the last 100 converters that reach a
score exceeds that of the last 100 others by most (Youden 1950), and grade A where half of those converters are. A
segment has proposals of its own where it has enough of both.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml import arrow
from ml.arrow import Bools, Dates, Floats, Integers, Schema, Table, Texts
from ml.evaluate import account_numbers
from ml.intervals import wilson

LAST = 100
LEAST = 20  # converters, and others, to propose anything
RESAMPLES, SEED = 500, 23
WHOLE = "all"

BAND_OUTCOMES: Schema = {
    "grade": "text",
    "minimum_score": "integer",
    "rows": "integer",
    "accounts": "integer",
    "won_rows": "integer",
    "win_rate": "float",
    "win_rate_low": "float",
    "win_rate_high": "float",
    "lift": "float",
}
BAND_REVIEW: Schema = {
    "segment": "text",
    "grade": "text",
    "minimum_score": "integer",
    "proposed_minimum": "integer",
    "proposed_by": "text",
    "proposed_low": "integer",
    "proposed_high": "integer",
    "converters": "integer",
    "others": "integer",
    "converters_reached": "float",
    "others_reached": "float",
    "converters_reached_proposed": "float",
    "others_reached_proposed": "float",
    "verdict": "text",
}

Borders = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Evidence:
    """Scores of the last converters and others; what they propose for A and B, and what resamples do. None: too few."""

    converters: Floats
    others: Floats
    proposed: Mapping[str, int]
    drawn: Mapping[str, Integers]


def band_outcomes(minimums: Mapping[str, int], grades: Texts, labels: Floats, accounts: Texts) -> Table:
    """`BAND_OUTCOMES`, best grade first: rows of later dates by the grade that their score alone earns.

    `minimums` are those for all accounts. The interval is Wilson's (1927) with accounts for counts, since the rows of
    one account tell one story.
    """
    base = float(labels.mean()) if len(labels) else float("nan")
    records: list[dict[str, object]] = []
    for grade in sorted(minimums):
        rows = grades == grade
        count = len(np.unique(account_numbers(accounts[rows]))) if rows.any() else 0
        rate = float(labels[rows].mean()) if count else float("nan")
        low, high = wilson(rate, count)
        records.append(
            {
                "grade": grade,
                "minimum_score": minimums[grade],
                "rows": int(rows.sum()),
                "accounts": count,
                "won_rows": int(labels[rows].sum()),
                "win_rate": rate,
                "win_rate_low": low,
                "win_rate_high": high,
                "lift": rate / base if base else float("nan"),
            }
        )
    return arrow.build_rows(BAND_OUTCOMES, records if len(labels) else [])


def band_review(
    borders: Borders, scores: Integers, labels: Floats, accounts: Texts, dates: Dates, members: Mapping[str, Bools]
) -> Table:
    """`BAND_REVIEW`: for all accounts and for each segment, where grades A and B begin and where they might.

    A segment of too few converters or others is proposed what all accounts together say.

    Args:
        borders: the lowest score of each grade, by segment; a segment without its own has those of `WHOLE`.
        scores: of rows of later dates, by a model that did not see them.
        labels: 1 won, 0 not.
        accounts: of the rows; each account counts once, at the last date it was won or, if it never was, the last date.
        dates: as-of dates of the rows.
        members: of each segment, whether a row belongs; one without rows is left out.
    """
    if not len(labels):
        return arrow.build_rows(BAND_REVIEW, [])
    last = _last_of_each(labels, accounts, dates)
    whole = _evidence(scores, labels, last)
    records = _review(WHOLE, borders[WHOLE], whole, whole)
    for segment, inside in members.items():
        if inside[last].any():
            evidence = _evidence(scores, labels, last[inside[last]])
            records += _review(segment, borders.get(segment, borders[WHOLE]), evidence, whole)
    return arrow.build_rows(BAND_REVIEW, records)


def grades_by_segment(borders: Borders, scores: Integers, members: Mapping[str, Bools]) -> Texts:
    """The grade of each score by the borders of the first of its segments that has its own, else by those for all."""
    grades = grades_of(borders[WHOLE], scores)
    for segment in reversed([name for name in members if name in borders]):
        inside = members[segment]
        grades[inside] = grades_of(borders[segment], scores[inside])
    return grades


def grades_of(minimums: Mapping[str, int], scores: Integers) -> Texts:
    """The best grade that each score reaches."""
    worst_first = sorted(minimums, key=lambda grade: minimums[grade])
    places = np.searchsorted([minimums[grade] for grade in worst_first], scores, side="right") - 1
    return np.array(worst_first, dtype=np.object_)[places]


def proposal(converters: Floats, others: Floats) -> tuple[int, int]:
    """Where grades A and B would begin: A above B, both from 1 to 100."""
    candidates = np.arange(1, 100)
    apart = (converters[:, None] >= candidates).mean(axis=0) - (others[:, None] >= candidates).mean(axis=0)
    qualified = int(candidates[np.argmax(apart)])
    return max(int(np.ceil(np.median(converters))), qualified + 1), qualified


def _last_of_each(labels: Floats, accounts: Texts, dates: Dates) -> Integers:
    """One row per account, oldest first: the last at which it was won, or the last of all."""
    numbers = account_numbers(accounts)
    order = np.lexsort((dates, labels, numbers))
    chosen = order[np.append(numbers[order][1:] != numbers[order][:-1], True)]
    return chosen[np.lexsort((numbers[chosen], dates[chosen]))]


def _evidence(scores: Integers, labels: Floats, rows: Integers) -> Evidence:
    converters = scores[rows][labels[rows] == 1][-LAST:].astype(np.float64)
    others = scores[rows][labels[rows] == 0][-LAST:].astype(np.float64)
    if min(len(converters), len(others)) < LEAST:
        return Evidence(converters, others, {}, {})
    proposed = dict(zip("AB", proposal(converters, others), strict=True))
    return Evidence(converters, others, proposed, _drawn_proposals(converters, others))


def _review(segment: str, minimums: Mapping[str, int], evidence: Evidence, whole: Evidence) -> list[dict[str, object]]:
    converters, others = evidence.converters, evidence.others
    speaks = evidence if evidence.proposed else whole
    proposed, drawn = speaks.proposed, speaks.drawn
    return [
        {
            "segment": segment,
            "grade": grade,
            "minimum_score": minimums[grade],
            "proposed_minimum": proposed.get(grade),
            "proposed_by": (segment if speaks is evidence else WHOLE) if proposed else None,
            "proposed_low": int(np.quantile(drawn[grade], 0.05)) if proposed else None,
            "proposed_high": int(np.quantile(drawn[grade], 0.95)) if proposed else None,
            "converters": len(converters),
            "others": len(others),
            "converters_reached": _reached(converters, minimums[grade]),
            "others_reached": _reached(others, minimums[grade]),
            "converters_reached_proposed": _reached(converters, proposed.get(grade)),
            "others_reached_proposed": _reached(others, proposed.get(grade)),
            "verdict": _verdict(minimums[grade], drawn.get(grade)),
        }
        for grade in "AB"
    ]


def _drawn_proposals(converters: Floats, others: Floats) -> dict[str, Integers]:
    random = np.random.default_rng(SEED)
    drawn = [
        proposal(random.choice(converters, len(converters)), random.choice(others, len(others)))
        for _ in range(RESAMPLES)
    ]
    return {grade: np.array([one[k] for one in drawn], dtype=np.int64) for k, grade in enumerate("AB")}


def _reached(scores: Floats, minimum: int | None) -> float:
    return float((scores >= minimum).mean()) if minimum is not None and len(scores) else float("nan")


def _verdict(minimum: int, drawn: Integers | None) -> str:
    """A border is left alone while it is one of those that 90 % of the resamples of the same accounts propose."""
    if drawn is None:
        return "too few to say"
    low, high = np.quantile(drawn, [0.05, 0.95])
    return "keep" if low <= minimum <= high else "raise" if minimum < low else "lower"
