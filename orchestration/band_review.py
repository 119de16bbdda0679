"""What later outcomes say of the grades, from what is stored: kept by run, printed by `pql bands`."""

import numpy as np
import pyarrow as pa

from ml import arrow
from ml.arrow import Bools
from ml.backtest import History
from ml.bands import BAND_OUTCOMES, BAND_REVIEW, WHOLE, Borders, band_outcomes, band_review, grades_by_segment
from ml.register import RULES
from ml.scale import to_score
from ml.segments import segment_members
from orchestration.models import open_stored
from warehouse.connection import Backend
from warehouse.tables import query, read_table


def reviewed_bands(backend: Backend, history: History, version: str) -> dict[str, pa.Table]:
    """`ml.band_outcomes` and `ml.band_review` without their run; no rows where nothing was judged on later accounts.

    Args:
        backend: the working warehouse.
        history: the training examples, for the segments of each account as of each date.
        version: the model whose recipe was judged.
    """
    model, _ = open_stored(backend, version)
    judged = read_table(backend, "ml", "judged_accounts", {"model_version": version})
    if model.rung == RULES or not judged.num_rows:
        return {"band_outcomes": arrow.build_rows(BAND_OUTCOMES, []), "band_review": arrow.build_rows(BAND_REVIEW, [])}
    judged = judged.sort_by([("as_of_date", "ascending"), ("account_id", "ascending")])
    borders = read_borders(backend)
    members = _members(history, judged)
    scores = to_score(model.scale, arrow.numbers(judged, "margin"))
    labels, accounts = arrow.numbers(judged, "is_won"), arrow.texts(judged, "account_id")
    grades = grades_by_segment(borders, scores, members)
    return {
        "band_outcomes": band_outcomes(borders[WHOLE], grades, labels, accounts),
        "band_review": band_review(borders, scores, labels, accounts, arrow.dates(judged, "as_of_date"), members),
    }


def read_borders(backend: Backend) -> Borders:
    """The lowest score of each grade, by segment; those without one are of `WHOLE`."""
    borders: dict[str, dict[str, int]] = {}
    for row in query(backend, "select segment, grade, minimum_score from config.bands"):
        borders.setdefault(row["segment"] or WHOLE, {})[row["grade"]] = int(row["minimum_score"])
    return borders


def _members(history: History, judged: pa.Table) -> dict[str, Bools]:
    """Of each segment in order, which judged rows belonged to it as of their date."""
    segments = history.options.segments
    found = segment_members(segments, history.examples, history.signal_metrics, history.signals)
    keys = ["account_id", "as_of_date"]
    inside = {(row["segment"], row["account_id"], row["as_of_date"]) for row in arrow.rows(found, ["segment", *keys])}
    rows = [(row["account_id"], row["as_of_date"]) for row in arrow.rows(judged, keys)]
    return {one.name: np.array([(one.name, *row) in inside for row in rows], dtype=np.bool_) for one in segments}
