"""From the warehouse's tables to one matrix: a row per (as-of date, account), a column per feature."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ml import arrow
from ml.arrow import Bools, Dates, Floats, Integers, Table, Texts

# What the model sees of each signal: intensity with decay, the month's count, breadth over people, habit, recency.
# More windows are near copies of these; with a few hundred won accounts they cost more noise than they bring.
SIGNAL_MEASURES = ("decayed_count", "events_28d", "people_28d", "active_days_90d", "days_since_last")

# The count that speaks for a signal when its direction is stated, first that exists.
MAIN_MEASURES = ("events_28d", "decayed_count")

# Measures that grow with more of the signal. Only these may carry a monotone constraint: a rising `days_since_…` or
# ratio means something else than "more".
COUNT_MEASURES = (
    "events_", "people_", "active_", "decayed_count", "signals_", "categories_", "features_", "touches_", "members",
    "count_", "countries_", "sent_", "accepted_", "completed_", "upstream_", "downstream_", "reached", "represented_",
)  # fmt: skip

RARE_SHARE, RARE_ROWS = 0.005, 10  # smaller categories share the bucket `(other)`
OTHER = "(other)"

LARGEST = 1e100  # its cube, which skewness takes, is still a number; beyond it a value counts as infinite


class MissingFeature(ValueError):  # noqa: N818 - the name says what is wrong
    """A feature of the model cannot be computed from what was given."""


@dataclass(frozen=True)
class Feature:
    """One column of the matrix and where its value comes from.

    `category` is set for a one-hot column; then `categories` holds all levels of that input column.
    """

    name: str
    signal: str
    measure: str
    origin: Literal["signal_metrics", "examples"]
    monotone: int
    category: str | None = None
    categories: tuple[str, ...] = ()


Encoding = tuple[Feature, ...]


@dataclass(frozen=True)
class Dataset:
    """Rows in the order (as-of date, account). `labels`: 1 won, 0 not, NaN not known, not mature or not eligible."""

    X: Floats
    encoding: Encoding
    account_ids: Texts
    dates: Dates
    labels: Floats
    notes: tuple[str, ...] = ()

    def rows(self, chosen: Bools | Integers) -> "Dataset":
        """The same features for some of the rows."""
        return Dataset(
            self.X[chosen],
            self.encoding,
            self.account_ids[chosen],
            self.dates[chosen],
            self.labels[chosen],
            self.notes,
        )

    def thinned(self, most: int) -> "Dataset":
        """At most so many rows, evenly over time."""
        rows = len(self.dates)
        return self if rows <= most else self.rows(np.arange(most, dtype=np.int64) * rows // most)


def build_dataset(examples: Table, signal_metrics: Table, signals: Table, encoding: Encoding | None = None) -> Dataset:
    """Build the feature matrix.

    Args:
        examples: one row per (account_id, as_of_date); every column with `__` in its name is a feature. Rows count as
            labelled where is_eligible and is_mature hold and is_won is known; those three may be absent when scoring.
        signal_metrics: long and sparse, one row per (account_id, as_of_date, signal). An absent row means that it
            never happened: counts are 0 and days_since_* missing.
        signals: the seed; `signal`, `polarity` and `use_in_model` are read.
        encoding: the features of a trained model, applied as they were; learned from these tables when not given.

    Raises:
        MissingFeature: a feature of `encoding` cannot be computed; the message names each.
        ValueError: an (account, date) pair occurs twice.
    """
    if encoding is None:
        encoding = learn_encoding(examples, signal_metrics, signals)
    else:
        require_features(encoding, examples, signal_metrics, signals)
    order = _row_order(examples)
    examples = examples.take(order)
    accounts, dates = arrow.texts(examples, "account_id"), arrow.dates(examples, "as_of_date")
    X = np.empty((len(accounts), len(encoding)), dtype=np.float64)
    _fill_from_examples(X, encoding, examples)
    _fill_from_signal_metrics(X, encoding, signal_metrics, accounts, dates)
    notes = _infinite_to_missing(X, encoding)
    return Dataset(X, encoding, accounts, dates, _labels(examples), notes)


def labelled(dataset: Dataset) -> Dataset:
    """The rows whose outcome is known."""
    return dataset.rows(~np.isnan(dataset.labels))


def learn_encoding(examples: Table, signal_metrics: Table, signals: Table) -> Encoding:
    """The features that these tables offer, ordered by name, with their categories frozen.

    None is made of a signal whose `use_in_model` is false, or that the seed does not list: what sales does about an
    account tells of the deal, not of the account, and would be learned as its cause.

    Raises:
        MissingColumn: the seed has no column `use_in_model`.
    """
    polarity, used = read_polarity(signals), _used_in_models(signals)
    found = [
        feature
        for name in examples.column_names
        if "__" in name and name.split("__", 1)[0] in used
        for feature in _features_of_column(examples, name, polarity)
    ]
    occurring = {text for text in arrow.texts(signal_metrics, "signal") if text is not None}
    for signal in sorted(occurring & used):
        found += [signal_feature(signal, measure, polarity[signal]) for measure in SIGNAL_MEASURES]
    found.sort(key=lambda feature: feature.name)
    _refuse_duplicates(feature.name for feature in found)
    return tuple(found)


def signal_feature(signal: str, measure: str, polarity: int) -> Feature:
    """A feature read from `signal_metrics`."""
    return Feature(f"{signal}__{measure}", signal, measure, "signal_metrics", _monotone(measure, polarity))


def column_feature(name: str, polarity: Mapping[str, int]) -> Feature:
    """A numeric feature read from a `<signal>__<measure>` column of the examples."""
    signal, measure = name.split("__", 1)
    return Feature(name, signal, measure, "examples", _monotone(measure, polarity.get(signal, 0)))


def read_polarity(signals: Table) -> dict[str, int]:
    """Each signal of the seed with its polarity, 0 where it has none."""
    return {row["signal"]: int(row["polarity"] or 0) for row in arrow.rows(signals, ["signal", "polarity"])}


def _used_in_models(signals: Table) -> set[str]:
    names, used = arrow.texts(signals, "signal"), arrow.numbers(signals, "use_in_model")
    return set(names[used == 1])


def require_features(encoding: Encoding, examples: Table, signal_metrics: Table, signals: Table) -> None:
    """Refuse to go on when a feature cannot be computed: a silent 0 would be a wrong score.

    Raises:
        MissingFeature: names every feature, and the column or signal that it misses.
    """
    known = {row["signal"] for row in arrow.rows(signals, ["signal"])}
    problems: dict[str, None] = {}
    for feature in encoding:
        if feature.origin == "examples":
            column = f"{feature.signal}__{feature.measure}"
            if column not in examples.column_names:
                problems[f"{feature.name}: the examples have no column '{column}'"] = None
            elif feature.category is None and arrow.column_kind(examples, column) != "number":
                problems[f"{feature.name}: column '{column}' was a number at training and is not now"] = None
        elif feature.measure not in signal_metrics.column_names:
            problems[f"{feature.name}: the signal metrics have no column '{feature.measure}'"] = None
        elif feature.signal not in known:
            problems[f"{feature.name}: signal '{feature.signal}' is not in signals.csv any more"] = None
    if problems:
        raise MissingFeature("features of the model are missing; restore them or train again: " + "; ".join(problems))


def _features_of_column(examples: Table, name: str, polarity: Mapping[str, int]) -> list[Feature]:
    kind = arrow.column_kind(examples, name)
    if kind == "number":
        return [column_feature(name, polarity)]
    if kind == "text":
        return _one_hot_features(name, arrow.texts(examples, name))
    raise MissingFeature(f"{name}: a feature is a number, a boolean or a text; this column is none of them")


def _one_hot_features(name: str, values: Texts) -> list[Feature]:
    signal, measure = name.split("__", 1)
    levels = (*_frequent(values), OTHER)
    return [
        Feature(f"{name}={level}", signal, measure, "examples", 0, category=level, categories=levels)
        for level in levels
    ]


def _frequent(values: Texts) -> list[str]:
    counts: dict[str, int] = {}
    for value in values:
        if value is not None and value != OTHER:
            counts[value] = counts.get(value, 0) + 1
    enough = max(RARE_ROWS, RARE_SHARE * len(values))
    return sorted(level for level, count in counts.items() if count >= enough)


def _monotone(measure: str, polarity: int) -> int:
    return polarity if measure.startswith(COUNT_MEASURES) else 0


def _refuse_duplicates(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"feature '{name}' comes both from the examples and from the signal metrics; rename one")
        seen.add(name)


def _row_order(examples: Table) -> Integers:
    order = arrow.sort_order(examples, ["as_of_date", "account_id"])
    accounts, dates = arrow.texts(examples, "account_id")[order], arrow.dates(examples, "as_of_date")[order]
    unknown = sum(account is None for account in accounts) + int(np.isnat(dates).sum())
    if unknown:
        raise ValueError(f"{unknown} examples have no account_id or no as_of_date")
    repeated = np.flatnonzero((accounts[1:] == accounts[:-1]) & (dates[1:] == dates[:-1]))
    if len(repeated):
        raise ValueError(f"account '{accounts[repeated[0]]}' occurs twice as of {dates[repeated[0]]}")
    return order


def _fill_from_examples(X: Floats, encoding: Encoding, examples: Table) -> None:
    categories: dict[str, Integers] = {}
    for j, feature in enumerate(encoding):
        if feature.origin != "examples":
            continue
        column = f"{feature.signal}__{feature.measure}"
        if feature.category is None:
            X[:, j] = arrow.numbers(examples, column)
            continue
        if column not in categories:
            categories[column] = arrow.codes(examples, column, feature.categories)
        X[:, j] = _one_hot(categories[column], feature)


def _one_hot(codes: Integers, feature: Feature) -> Floats:
    """1 or 0; NaN where the value is null. A level not seen at training is one of the rare."""
    level = feature.categories.index(feature.category or OTHER)
    places = np.where(codes == -1, feature.categories.index(OTHER), codes)
    return np.where(codes == -2, np.nan, (places == level).astype(np.float64))


def _fill_from_signal_metrics(
    X: Floats, encoding: Encoding, signal_metrics: Table, accounts: Texts, dates: Dates
) -> None:
    columns = [j for j, feature in enumerate(encoding) if feature.origin == "signal_metrics"]
    for j in columns:
        X[:, j] = never_happened(encoding[j].measure)
    names = sorted({encoding[j].signal for j in columns})
    at = _positions(signal_metrics, accounts, dates)
    signal_of_row = arrow.codes(signal_metrics, "signal", names)
    by_signal = _group_rows(np.where(at >= 0, signal_of_row, -1), len(names))
    for measure in sorted({encoding[j].measure for j in columns}):
        values = arrow.numbers(signal_metrics, measure)
        for j in columns:
            if encoding[j].measure == measure:
                chosen = by_signal[names.index(encoding[j].signal)]
                X[at[chosen], j] = values[chosen]


def never_happened(measure: str) -> float:
    """What an absent row of the signal metrics means: no events, and no day to count from."""
    return float("nan") if measure.startswith("days_since") else 0.0


def _positions(signal_metrics: Table, accounts: Texts, dates: Dates) -> Integers:
    """For each metrics row the dataset row of the same account and date, -1 where there is none."""
    if not len(accounts):
        return np.full(signal_metrics.num_rows, -1, dtype=np.int64)
    vocabulary: list[str] = sorted(set(accounts))
    place = {account: i for i, account in enumerate(vocabulary)}
    codes = np.array([place[account] for account in accounts], dtype=np.int64)
    wanted = dates.astype(np.int64) * len(vocabulary) + codes  # ascending: rows are sorted by date, then account
    metric_codes = arrow.codes(signal_metrics, "account_id", vocabulary)
    keys = arrow.dates(signal_metrics, "as_of_date").astype(np.int64) * len(vocabulary) + metric_codes
    at = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
    return np.where((metric_codes >= 0) & (wanted[at] == keys), at, -1)


def _group_rows(codes: Integers, groups: int) -> Sequence[Integers]:
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(groups + 1))
    return [order[edges[k] : edges[k + 1]] for k in range(groups)]


def _infinite_to_missing(X: Floats, encoding: Encoding) -> tuple[str, ...]:
    infinite = np.abs(X) > LARGEST
    counts = infinite.sum(axis=0)
    X[infinite] = np.nan
    return tuple(
        f"{counts[j]} infinite values of {encoding[j].name} were read as missing" for j in np.flatnonzero(counts)
    )


def _labels(examples: Table) -> Floats:
    if "is_won" not in examples.column_names:
        return np.full(examples.num_rows, np.nan)
    known = np.ones(examples.num_rows, dtype=np.bool_)
    for flag in ("is_eligible", "is_mature"):
        known &= arrow.numbers(examples, flag) == 1
    return np.where(known, arrow.numbers(examples, "is_won"), np.nan)
