"""Models on dates that they were not trained on: the current recipe month by month, and a challenger by the champion.

Whatever is judged was trained on dates at least one horizon earlier: no label window reaches into the judged rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property

import numpy as np

from ml import arrow
from ml.arrow import Floats, Table, Texts
from ml.dataset import Dataset, build_dataset, labelled
from ml.evaluate import auc_interval, probability_metrics, ranking_metrics
from ml.promotion import Scored, Verdict, compare
from ml.register import RULES, Backtest, Model, TrainedModel
from ml.rules import rule_points
from ml.score import score
from ml.split import SplitTooShort, rows_of, time_split
from ml.train import Options, train

RECIPE = "recipe"  # the name of the backtested model: whatever rung the recipe took at each date


@dataclass(frozen=True)
class History:
    """What there is to learn from: the warehouse's tables, the matrix made of them, and what is asked of a training."""

    examples: Table
    signal_metrics: Table
    signals: Table
    scoring_rules: Table
    horizon_days: int
    dataset: Dataset
    options: Options

    @cached_property
    def points(self) -> Floats:
        """The rules' points of every row of the dataset; only a training asks for them.

        Raises:
            UnusableRule: the rules contradict each other, or one reads a metric that does not exist.
        """
        return rule_points(self.scoring_rules, self.examples, self.signal_metrics, self.signals)


@dataclass(frozen=True)
class Judged:
    """A model's scores for the labelled rows of some dates, with their outcomes."""

    scored: Scored
    labels: Floats
    accounts: Texts


def read_history(
    examples: Table,
    signal_metrics: Table,
    signals: Table,
    scoring_rules: Table,
    horizon_days: int,
    options: Options | None = None,
) -> History:
    """The history of these tables.

    Raises:
        ValueError: an (account, date) pair occurs twice.
    """
    dataset = build_dataset(examples, signal_metrics, signals)
    return History(examples, signal_metrics, signals, scoring_rules, horizon_days, dataset, options or Options())


def train_on(history: History, trained_at: datetime, until: date | None = None) -> TrainedModel:
    """Train the recipe on a history, or on its rows up to a date.

    Raises:
        UnusableRule: as for `History.points`.
    """
    rows = np.ones(len(history.dataset.dates), dtype=np.bool_)
    if until is not None:
        rows = history.dataset.dates <= np.datetime64(until)
    return train(
        history.dataset.rows(rows), history.scoring_rules, history.horizon_days, trained_at,
        rule_points=history.points[rows], options=history.options,
    )  # fmt: skip


def score_days(model: Model, history: History, days: tuple[date, ...]) -> Judged:
    """Score the labelled examples of some as-of dates with a model, in its own encoding.

    Raises:
        MissingFeature: a feature of the model cannot be computed.
    """
    everything = history.dataset  # its rows are the examples by date and account
    wanted = rows_of(everything.dates, days) & ~np.isnan(everything.labels)
    ordered = history.examples.take(arrow.sort_order(history.examples, ["as_of_date", "account_id"])[wanted])
    predictions, _ = score(model, ordered, history.signal_metrics, history.signals, "")
    scored = Scored(arrow.numbers(predictions, "margin"), arrow.numbers(predictions, "probability"))
    return Judged(scored, everything.labels[wanted], everything.account_ids[wanted])


def backtest_by_month(
    history: History, months: int, trained_at: datetime
) -> Iterator[tuple[date, tuple[Backtest, ...]]]:
    """Train the recipe as it would have been trained at each of the newest mature dates, and judge it on that date.

    Yields:
        Each date, oldest first, with its figures; none where the date has one outcome only. Dates with nothing one
        horizon before them are left out.
    """
    known = labelled(history.dataset)
    days = [day for day in _days(known) if _days(_until(known, day, history.horizon_days))]
    for day in days[-months:]:
        fit = _until(known, day, history.horizon_days)
        trained = train_on(history, trained_at, until=day - timedelta(days=history.horizon_days))
        judged = score_days(trained.model, history, (day,))
        yield day, tuple(_figures(judged, fit, day, trained.record.rung))


def judge_challenger(
    history: History, champion: Model, champion_until: date | None, challenger: TrainedModel
) -> Verdict:
    """Compare a challenger with the champion on the newest dates that neither trained on.

    The challenger that is served learns from every mature row, so there is no later one to judge it by. In its place
    stands its recipe trained one horizon before the newest slice, as in its backtest; rules, which learn nothing, stand
    for themselves.

    Args:
        history: rows of all as-of dates.
        champion: as it is served.
        champion_until: its newest training date; None where it learned from none (the rules).
        challenger: just trained on this history.
    """
    known = labelled(history.dataset)
    try:
        newest = time_split(known.dates, history.horizon_days).test.test
    except SplitTooShort as short:
        return _not_compared(f"{short}")
    horizon = timedelta(days=history.horizon_days)
    days = tuple(day for day in newest if champion_until is None or day >= champion_until + horizon)
    if not days:
        first = (champion_until or newest[0]) + horizon
        return _not_compared(
            f"the champion learned from accounts up to {champion_until}; only those as of {first} or later, once their "
            f"{history.horizon_days} days are over, can be compared by, and there are none yet"
        )
    before = score_days(champion, history, days)
    after = _said_before(challenger, days) or score_days(challenger.model, history, days).scored
    verdict = compare(before.scored, after, before.labels, before.accounts)
    return replace(verdict, reason=f"on accounts as of {days[0]} to {days[-1]}: {verdict.reason}")


def _said_before(challenger: TrainedModel, days: tuple[date, ...]) -> Scored | None:
    """What the recipe said of these dates before it knew their outcomes; both tables are by date and account."""
    judged = challenger.out_of_time
    if judged is None:
        return None
    rows = rows_of(judged.dates, days)
    return Scored(judged.margins[rows], judged.probabilities[rows])


def _figures(judged: Judged, fit: Dataset, day: date, rung: str) -> Iterator[Backtest]:
    if len(np.unique(judged.labels)) < 2:
        return
    metrics = ranking_metrics(judged.scored.margins, judged.labels)
    if rung != RULES:
        metrics |= probability_metrics(judged.scored.probabilities, judged.labels)
    interval = auc_interval(judged.scored.margins, judged.labels, judged.accounts)
    for name, value in metrics.items():
        low, high = interval if name == "auc" else (None, None)
        yield Backtest(
            model_name=f"{RECIPE}_{rung}",
            slice=f"month_{day}",
            train_from=_days(fit)[0],
            train_to=_days(fit)[-1],
            test_from=day,
            test_to=day,
            rows=len(judged.labels),
            positives=int(judged.labels.sum()),
            metric=name,
            value=value,
            value_low=low,
            value_high=high,
        )


def _not_compared(why: str) -> Verdict:
    return Verdict(False, f"{why}: the champion stays", 0, 0)


def _until(known: Dataset, day: date, horizon_days: int) -> Dataset:
    return known.rows(known.dates <= np.datetime64(day - timedelta(days=horizon_days)))


def _days(dataset: Dataset) -> list[date]:
    return list(np.unique(dataset.dates.astype("datetime64[D]")).tolist())
