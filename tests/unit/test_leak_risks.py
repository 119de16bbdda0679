"""What sales did is a metric that people may read; a model that learned it would learn what reps believe."""

import csv
from datetime import date

import pyarrow as pa
import pytest

from ml.dataset import SIGNAL_MEASURES, learn_encoding
from orchestration.configuration import ACCOUNT_MEASURES, PROJECT_SEEDS

LEAK_RISKS = ("sales_activity",)


def seed(**changes: bool) -> pa.Table:
    """The shipped signals.csv, with `use_in_model` of some signals changed."""
    with (PROJECT_SEEDS / "signals.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return pa.table(
        {
            "signal": [row["signal"] for row in rows],
            "polarity": [int(row["polarity"]) for row in rows],
            "use_in_model": [changes.get(row["signal"], row["use_in_model"] == "true") for row in rows],
        }
    )


def learned_from(signals: pa.Table) -> set[str]:
    """The signals of the features that a model learns when every metric of an account is there."""
    columns = [f"{signal}__{measure}" for signal, measures in ACCOUNT_MEASURES.items() for measure in measures]
    examples = pa.table(
        {"account_id": ["a"], "as_of_date": [date(2026, 1, 1)], **{column: [1.0] for column in columns}}
    )
    none = pa.schema(
        [("account_id", pa.string()), ("as_of_date", pa.date32()), ("signal", pa.string())]
        + [(measure, pa.float64()) for measure in SIGNAL_MEASURES]
    ).empty_table()
    return {feature.signal for feature in learn_encoding(examples, none, signals)}


@pytest.mark.parametrize("signal", LEAK_RISKS)
def test_what_sales_did_is_no_feature(signal: str):
    assert signal in learned_from(seed(**{signal: True}))
    assert signal not in learned_from(seed())


def test_steps_limits_people_and_the_trial_are_features():
    expected = {"set_up", "production_data", "milestones", "trial", "plan_limits", "departments", "decision_makers"}

    assert expected <= learned_from(seed())
