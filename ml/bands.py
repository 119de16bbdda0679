"""What outcomes say of the grades: how often each was won, and where the borders would lie by the newest outcomes.

Nothing here changes a border. Two are proposed: grade B begins where the share of the last 100 converters that reach a
score exceeds that of the last 100 others by most (Youden 1950), and grade A where half of those converters are.
"""

from collections.abc import Mapping

import numpy as np

from ml import arrow
from ml.arrow import Dates, Floats, Integers, Schema, Table, Texts
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


def band_outcomes(minimums: Mapping[str, int], scores: Integers, labels: Floats, accounts: Texts) -> Table:
    """`BAND_OUTCOMES`, best grade first: rows of later dates by the grade that their score alone earns.

    The interval is Wilson's (1927) with accounts for counts, since the rows of one account tell one story.
    """
    grades = grades_of(minimums, scores)
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
    minimums: Mapping[str, int], scores: Integers, labels: Floats, accounts: Texts, dates: Dates, segments: Texts
) -> Table:
    """`BAND_REVIEW`: for all accounts and for each segment, where grades A and B begin and where they might.

    Args:
        minimums: the lowest score of each grade.
        scores: of rows of later dates, by a model that did not see them.
        labels: 1 won, 0 not.
        accounts: of the rows; each account counts once, at the last date it was won or, if it never was, the last date.
        dates: as-of dates of the rows.
        segments: of the rows, in plain words.
    """
    if not len(labels):
        return arrow.build_rows(BAND_REVIEW, [])
    last = _last_of_each(labels, accounts, dates)
    records = [
        record
        for segment in (WHOLE, *sorted(set(segments)))
        for record in _review(
            segment, minimums, scores, labels, last[[segment in (WHOLE, segments[row]) for row in last]]
        )
    ]
    return arrow.build_rows(BAND_REVIEW, records)


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


def _review(
    segment: str, minimums: Mapping[str, int], scores: Integers, labels: Floats, rows: Integers
) -> list[dict[str, object]]:
    converters = scores[rows][labels[rows] == 1][-LAST:].astype(np.float64)
    others = scores[rows][labels[rows] == 0][-LAST:].astype(np.float64)
    enough = min(len(converters), len(others)) >= LEAST
    proposed = dict(zip("AB", proposal(converters, others), strict=True)) if enough else {}
    drawn = _drawn_proposals(converters, others) if enough else {}
    return [
        {
            "segment": segment,
            "grade": grade,
            "minimum_score": minimums[grade],
            "proposed_minimum": proposed.get(grade),
            "proposed_low": int(np.quantile(drawn[grade], 0.05)) if enough else None,
            "proposed_high": int(np.quantile(drawn[grade], 0.95)) if enough else None,
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
