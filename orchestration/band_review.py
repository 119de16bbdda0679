"""What later outcomes say of the grades, from what is stored: kept by run, printed by `pql bands`."""

import numpy as np
import pyarrow as pa

from ml import arrow
from ml.arrow import Texts
from ml.bands import BAND_OUTCOMES, BAND_REVIEW, band_outcomes, band_review
from ml.register import RULES
from ml.scale import to_score
from orchestration.models import open_stored
from warehouse.connection import Backend
from warehouse.tables import query, read_table

# By employees: who sells to all three seldom sells to them alike.
SEGMENTS = ((50.0, "below 50 employees"), (200.0, "50 to 199 employees"), (np.inf, "200 employees and more"))
UNKNOWN_SIZE = "size not known"


def reviewed_bands(backend: Backend, examples: pa.Table, version: str) -> dict[str, pa.Table]:
    """`ml.band_outcomes` and `ml.band_review` without their run; no rows where nothing was judged on later accounts.

    Args:
        backend: the working warehouse.
        examples: the training examples, for the size of each account as of each date.
        version: the model whose recipe was judged.
    """
    model, _ = open_stored(backend, version)
    judged = read_table(backend, "ml", "judged_accounts", {"model_version": version})
    if model.rung == RULES or not judged.num_rows:
        return {"band_outcomes": arrow.build_rows(BAND_OUTCOMES, []), "band_review": arrow.build_rows(BAND_REVIEW, [])}
    sizes = examples.select(["account_id", "as_of_date", "company_size__employees"])
    judged = judged.join(sizes, ["account_id", "as_of_date"], join_type="left outer")
    judged = judged.sort_by([("as_of_date", "ascending"), ("account_id", "ascending")])
    minimums = {
        row["grade"]: int(row["minimum_score"])
        for row in query(backend, "select grade, minimum_score from config.bands")
    }
    scores = to_score(model.scale, arrow.numbers(judged, "margin"))
    labels, accounts = arrow.numbers(judged, "is_won"), arrow.texts(judged, "account_id")
    segments = _segments(judged)
    return {
        "band_outcomes": band_outcomes(minimums, scores, labels, accounts),
        "band_review": band_review(minimums, scores, labels, accounts, arrow.dates(judged, "as_of_date"), segments),
    }


def _segments(judged: pa.Table) -> Texts:
    employees = arrow.numbers(judged, "company_size__employees")
    names = [name for _, name in SEGMENTS] + [UNKNOWN_SIZE]
    places = np.searchsorted([bound for bound, _ in SEGMENTS], employees, side="right")
    return np.array(names, dtype=np.object_)[np.where(np.isnan(employees), len(SEGMENTS), places)]
