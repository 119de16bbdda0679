"""Score accounts with a model: predictions, and one row per contribution that is not zero."""

from collections.abc import Iterator

import numpy as np

from ml import arrow, fitted
from ml.arrow import Floats, Schema, Table
from ml.calibrate import Calibrated, apply_calibration
from ml.dataset import Dataset, Encoding, build_dataset
from ml.explain import Explanation
from ml.fitted import explain_fitted
from ml.register import Model
from ml.rules import explain_by_rules, rules_encoding
from ml.scale import to_score

# A block of 20,000 rows and 200 features is 32 MB, and about as much again for its contributions.
BATCH_ROWS = 20_000
BASELINE = "baseline"

PREDICTIONS: Schema = {
    "run_id": "text",
    "account_id": "text",
    "as_of_date": "date",
    "model_version": "text",
    "margin": "float",
    "probability": "float",
    "probability_low": "float",
    "probability_high": "float",
    "score": "integer",
    "baseline_points": "float",
}
FEATURE_CONTRIBUTIONS: Schema = {
    "run_id": "text",
    "account_id": "text",
    "feature": "text",
    "signal": "text",
    "value": "float",
    "contribution": "float",
    "points": "float",
}


def score(
    model: Model, scoring_examples: Table, signal_metrics: Table, signals: Table, run_id: str
) -> tuple[Table, Table]:
    """Score every example.

    Returns:
        `PREDICTIONS`, one row per example (probabilities null on the rules rung), and `FEATURE_CONTRIBUTIONS`: the
        features that moved an account's margin, and one row `baseline` per account with the base value; so a plain sum
        per account gives the margin, and the points add up to the score before it is rounded and clipped.

    Raises:
        MissingFeature: a feature of the model cannot be computed.
        UnusableRule: a rule of the model reads a metric that does not exist.
    """
    batches = list(score_batches(model, scoring_examples, signal_metrics, signals, run_id))
    return arrow.concat([first for first, _ in batches]), arrow.concat([second for _, second in batches])


def score_batches(
    model: Model,
    scoring_examples: Table,
    signal_metrics: Table,
    signals: Table,
    run_id: str,
    batch_rows: int = BATCH_ROWS,
) -> Iterator[tuple[Table, Table]]:
    """As `score`, in blocks of examples, so that memory does not grow with the number of accounts.

    At least one pair of tables comes, empty ones when there is nothing to score.
    """
    encoding = model_encoding(model, scoring_examples, signal_metrics, signals)
    for start in range(0, max(1, scoring_examples.num_rows), batch_rows):
        examples = scoring_examples.slice(start, batch_rows)
        dataset = build_dataset(examples, signal_metrics, signals, encoding)
        explanation = _explain(model, dataset)
        yield (
            _predictions(model, dataset, explanation, run_id),
            _contributions(model, dataset, explanation, run_id),
        )


def margins(model: Model, dataset: Dataset) -> Floats:
    """The margin of each row of a dataset in the model's own encoding, without the cost of explaining it."""
    if model.fitted is None:
        return _explain(model, dataset).margins
    return fitted.margins(model.fitted, dataset.X)


def explained(model: Model, dataset: Dataset) -> Explanation:
    """Margins and exact contributions of a dataset in the model's own encoding."""
    return _explain(model, dataset)


def model_encoding(model: Model, examples: Table, signal_metrics: Table, signals: Table) -> Encoding:
    """The features that a model reads: those it was trained on, or those that its rules name."""
    if model.fitted is None:
        return rules_encoding(model.rules, examples, signal_metrics, signals)
    return model.encoding


def _explain(model: Model, dataset: Dataset) -> Explanation:
    if model.fitted is None:
        return explain_by_rules(model.rules, dataset.encoding, dataset.X)
    return explain_fitted(model.fitted, dataset.X)


def _predictions(model: Model, dataset: Dataset, explanation: Explanation, run_id: str) -> Table:
    rows = len(dataset.account_ids)
    calibrated = _probabilities(model, explanation.margins)
    return arrow.build(
        PREDICTIONS,
        {
            "run_id": [run_id] * rows,
            "account_id": dataset.account_ids,
            "as_of_date": dataset.dates,
            "model_version": [model.model_version] * rows,
            "margin": explanation.margins,
            "probability": calibrated.probability,
            "probability_low": calibrated.probability_low,
            "probability_high": calibrated.probability_high,
            "score": to_score(model.scale, explanation.margins),
            "baseline_points": np.full(rows, _baseline_points(model, explanation)),
        },
    )


def _probabilities(model: Model, margins: Floats) -> Calibrated:
    if model.calibration is None:
        unknown = np.full(len(margins), np.nan)
        return Calibrated(unknown, unknown, unknown)
    return apply_calibration(model.calibration, margins)


def _baseline_points(model: Model, explanation: Explanation) -> float:
    return model.scale.offset + model.scale.factor * explanation.base


def _contributions(model: Model, dataset: Dataset, explanation: Explanation, run_id: str) -> Table:
    """Row by row: the baseline, then the account's features that are not zero."""
    accounts = len(dataset.account_ids)
    values = np.column_stack([np.full(accounts, np.nan), dataset.X])
    contributions = np.column_stack([np.full(accounts, explanation.base), explanation.contributions])
    points = model.scale.factor * contributions
    points[:, 0] = _baseline_points(model, explanation)
    shown = contributions != 0
    shown[:, 0] = True
    row, column = np.nonzero(shown)
    names = np.array([BASELINE, *(feature.name for feature in dataset.encoding)], dtype=np.object_)
    signals = np.array([BASELINE, *(feature.signal for feature in dataset.encoding)], dtype=np.object_)
    return arrow.build(
        FEATURE_CONTRIBUTIONS,
        {
            "run_id": [run_id] * len(row),
            "account_id": dataset.account_ids[row],
            "feature": names[column],
            "signal": signals[column],
            "value": values[row, column],
            "contribution": contributions[row, column],
            "points": points[row, column],
        },
    )
