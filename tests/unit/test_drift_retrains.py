"""A tracking plan changes in the middle of the simulated year; a run each month sees it, trains, and recovers.

From then on the strongest events come under new names: their old columns fall to zero, new ones carry the counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from simulated_year import FEATURES, simulated_year
from test_ml_simulated_company import METRIC_COLUMNS

from demo.signals import STRONGEST
from ml.backtest import History, read_history
from ml.dataset import Dataset, build_dataset
from ml.evaluate import auc
from ml.score import margins
from orchestration.models import Choice, Decider, Today, choose_model, open_stored
from warehouse.connection import Backend, open_working
from warehouse.runs import ensure_ledger
from warehouse.tables import replace_table

ACCOUNTS, SEED, HORIZON = 4_000, 3, 30
RENAMED_FROM = 6  # of the year's as-of dates
RENAMED = STRONGEST
NO_METRICS = pa.table({name: pa.array([], type=kind) for name, kind in METRIC_COLUMNS.items()})
NAMES = (*FEATURES, *(f"{name}_v2" for name in RENAMED))
RULES = pa.table(
    {
        "rule_group": ["usage"] * len(RENAMED),
        "cap": [60] * len(RENAMED),
        "signal": RENAMED,
        "metric": ["events_28d"] * len(RENAMED),
        "from": pa.array([1] * len(RENAMED), pa.int64()),
        "below": pa.array([None] * len(RENAMED), pa.int64()),
        "one_of": pa.array([None] * len(RENAMED), pa.string()),
        "points": [20] * len(RENAMED),
    }
)
SIGNALS = pa.table(
    {
        "signal": NAMES,
        "polarity": [0] * len(NAMES),
        "use_in_model": [True] * len(NAMES),
    }
)


@dataclass(frozen=True)
class Month:
    """What a run of the month reads: all examples until then, labelled where the label window is over."""

    day: np.datetime64
    history: History
    today: Today


def year_with_renamed_events() -> Dataset:
    year = simulated_year(ACCOUNTS, SEED, HORIZON).dataset
    renamed = year.dates >= np.unique(year.dates)[RENAMED_FROM]
    columns = [FEATURES.index(name) for name in RENAMED]
    counts = year.X[:, columns]
    X = np.column_stack([year.X, np.where(renamed[:, None], counts, 0.0)])
    X[:, columns] = np.where(renamed[:, None], 0.0, counts)
    return Dataset(X, year.encoding, year.account_ids, year.dates, year.labels)


def months(year: Dataset) -> Iterator[Month]:
    """From the last one before the change to the last one whose outcomes are known."""
    days = np.unique(year.dates[~np.isnan(year.labels)])
    for day in days[RENAMED_FROM - 1 :]:
        before = year.dates < day
        known = year.labels[before].copy()
        known[year.dates[before] + np.timedelta64(HORIZON, "D") > day] = np.nan
        examples = as_examples(year.rows(before), known)
        history = read_history(examples, NO_METRICS, SIGNALS, RULES, HORIZON)
        yield Month(day, history, Today(as_examples(year.rows(year.dates == day), None), NO_METRICS))


def as_examples(rows: Dataset, labels: np.ndarray | None) -> pa.Table:
    table = {"account_id": pa.array(rows.account_ids.tolist(), pa.string()), "as_of_date": pa.array(rows.dates)}
    table |= {f"{name}__events_28d": rows.X[:, j] for j, name in enumerate(NAMES)}
    if labels is not None:
        known = ~np.isnan(labels)
        table |= {"is_eligible": np.full(len(labels), True), "is_mature": known}
        table |= {"is_won": pa.array([bool(won) if there else None for won, there in zip(labels, known, strict=True)])}
    return pa.table(table)


def configure(backend: Backend) -> None:
    """Only drift may trigger a training."""
    ensure_ledger(backend)
    settings = {"drift_policy": "retrain", "retrain_every_days": "3650"}
    replace_table(backend, "config", "settings", pa.table({"setting": [*settings], "value": [*settings.values()]}))


def test_planted_drift_triggers_a_retrain_that_recovers(tmp_path: Path, record_property):
    year = year_with_renamed_events()
    choices: list[Choice] = []
    served, stale = [], []
    with open_working(tmp_path) as backend, patch("ml.boosting.MAX_ROUNDS", 40):
        configure(backend)
        for month in months(year):
            now = datetime.combine(month.day.astype(date), datetime.min.time(), UTC)
            choices.append(choose_model(backend, month.history, month.today, Decider(now)))
            outcomes = year.labels[year.dates == month.day]
            for version, found in ((choices[-1].model_version, served), (choices[0].model_version, stale)):
                model, _ = open_stored(backend, version)
                accounts = build_dataset(month.today.examples, NO_METRICS, SIGNALS, model.encoding)
                found.append(auc(margins(model, accounts), outcomes))
            print(month.day, f"served {served[-1]:.3f}, the first model {stale[-1]:.3f}:", *choices[-1].said)
    record_property("served", served)
    record_property("stale", stale)

    before, *after = choices
    promoted = next(number for number, choice in enumerate(after) if "champion now" in choice.said[-1])
    assert before.said[-1].endswith("champion now: the first model")
    assert all("because today's accounts have drifted" in choice.said[-1] for choice in after[: promoted + 1])
    assert all(choice.model_version == before.model_version for choice in after[:promoted])
    assert not any("(drifted)" in line for choice in after[promoted + 1 :] for line in choice.said)
    assert served[0] - np.mean(stale[1:]) > 0.1
    assert min(served[promoted + 1 :]) > served[0] - 0.05
