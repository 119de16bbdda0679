from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from test_ml_simulated_company import company, dataset_of

from ml.arrow import MissingColumn
from ml.dataset import SIGNAL_MEASURES, MissingFeature, build_dataset, labelled

DAY = date(2026, 1, 1)
POLARITY = {"invited": 1, "errored": -1, "team": 0, "seats": 0, "industry": 0, "seen": 0}
SIGNALS = pa.table({"signal": [*POLARITY], "polarity": [*POLARITY.values()], "use_in_model": [True] * len(POLARITY)})


def examples(**columns):
    rows = len(next(iter(columns.values())))
    ids = {"account_id": [f"a{i}" for i in range(rows)], "as_of_date": [DAY] * rows}
    return pa.table({**ids, **columns})


def metrics(*rows):
    names = ("account_id", "as_of_date", "signal", *SIGNAL_MEASURES)
    types = [pa.string(), pa.date32(), pa.string(), *[pa.float64()] * len(SIGNAL_MEASURES)]
    lists = [[row[i] for row in rows] for i in range(len(names))]
    return pa.table([pa.array(values, type=kind) for values, kind in zip(lists, types, strict=True)], names=list(names))


def column(dataset, name):
    return dataset.X[:, [feature.name for feature in dataset.encoding].index(name)]


def test_every_cell_equals_a_plain_reading_of_the_tables():
    source, dataset = company(), dataset_of(company())
    happened = {(r["account_id"], r["as_of_date"], r["signal"]): r for r in source.signal_metrics.to_pylist()}
    example = {(r["account_id"], r["as_of_date"]): r for r in source.examples.to_pylist()}
    for i in np.random.default_rng(1).integers(0, len(dataset.X), 200):
        key = (dataset.account_ids[i], dataset.dates[i].item())
        for j, feature in enumerate(dataset.encoding):
            if feature.origin == "signal_metrics":
                never = {"days_since_last": None}.get(feature.measure, 0)
                expected = happened.get((*key, feature.signal), {}).get(feature.measure, never)
            else:
                expected = example[key][f"{feature.signal}__{feature.measure}"]
                if feature.category is not None and expected is not None:
                    known = expected if expected in feature.categories else "(other)"
                    expected = known == feature.category
            assert np.array_equal(dataset.X[i, j], np.nan if expected is None else float(expected), equal_nan=True)


def test_rows_are_sorted_by_date_then_account():
    dataset = dataset_of(company())
    keys = list(zip(dataset.dates.tolist(), dataset.account_ids, strict=True))
    assert keys == sorted(keys)


def test_only_eligible_mature_rows_with_an_outcome_are_labelled():
    table = examples(
        is_eligible=[True, False, True, True], is_mature=[True, True, False, True], is_won=[True, True, True, None]
    )
    dataset = build_dataset(table, metrics(), SIGNALS)
    assert labelled(dataset).account_ids.tolist() == ["a0"]


def test_rare_and_unknown_categories_share_a_bucket_and_null_stays_missing():
    at_training = build_dataset(examples(industry__name=["x"] * 12 + ["rare"] * 3 + [None]), metrics(), SIGNALS)
    assert [feature.category for feature in at_training.encoding] == ["(other)", "x"]
    later = build_dataset(examples(industry__name=["x", "new", None]), metrics(), SIGNALS, at_training.encoding)
    assert np.array_equal(later.X, [[0, 1], [1, 0], [np.nan, np.nan]], equal_nan=True)


def test_ten_thousand_categories_make_one_column():
    table = examples(industry__name=[f"c{i}" for i in range(10_000)])
    assert len(build_dataset(table, metrics(), SIGNALS).encoding) == 1


def test_only_counts_are_monotone_and_only_where_the_signal_has_a_polarity():
    table = examples(team__members=[1], invited__people_7d=[1], invited__share=[1], invited__events=[1])
    dataset = build_dataset(table, metrics(("a0", DAY, "errored", 1, 1, 1, 1, 1)), SIGNALS)
    signs = {feature.name: feature.monotone for feature in dataset.encoding}
    assert signs["errored__events_28d"] == -1
    assert signs["errored__days_since_last"] == 0
    assert signs["team__members"] == 0  # a count of a signal without polarity
    assert (signs["invited__people_7d"], signs["invited__share"], signs["invited__events"]) == (1, 0, 0)


def test_infinite_values_are_missing_and_reported():
    dataset = build_dataset(examples(seats__share=[1.0, np.inf, -np.inf]), metrics(), SIGNALS)
    assert np.isnan(dataset.X[:, 0]).tolist() == [False, True, True]
    assert dataset.notes == ("2 infinite values of seats__share were read as missing",)


def test_a_signal_that_models_may_not_use_gives_no_feature_wherever_it_is_measured():
    table = examples(invited__people_7d=[1], errored__people_7d=[1], team__members=[1])
    rows = metrics(("a0", DAY, "invited", 1, 1, 1, 1, 1), ("a0", DAY, "errored", 1, 1, 1, 1, 1))
    signals = SIGNALS.set_column(2, "use_in_model", pa.array([False] + [True] * (len(POLARITY) - 1)))

    found = {feature.signal for feature in build_dataset(table, rows, signals).encoding}

    assert found == {"errored", "team"}


def test_a_seed_that_does_not_say_what_models_may_use_is_refused():
    with pytest.raises(MissingColumn, match="use_in_model"):
        build_dataset(examples(team__members=[1]), metrics(), SIGNALS.drop_columns(["use_in_model"]))


def test_an_all_null_column_is_a_missing_feature_not_a_crash():
    dataset = build_dataset(examples(seats__share=pa.nulls(2)), metrics(), SIGNALS)
    assert np.isnan(dataset.X).all()


def test_a_feature_that_is_missing_at_scoring_is_named():
    full = examples(seats__share=[1.0], industry__name=["x"])
    encoding = build_dataset(full, metrics(("a0", DAY, "invited", 1, 1, 1, 1, 1)), SIGNALS).encoding
    with pytest.raises(MissingFeature, match="seats__share: the examples have no column 'seats__share'"):
        build_dataset(full.drop_columns(["seats__share"]), metrics(), SIGNALS, encoding)
    with pytest.raises(MissingFeature, match=r"invited__events_28d: .*no column 'events_28d'"):
        build_dataset(full, metrics().drop_columns(["events_28d"]), SIGNALS, encoding)
    with pytest.raises(MissingFeature, match="signal 'invited' is not in"):
        build_dataset(full, metrics(), SIGNALS.slice(1), encoding)
    with pytest.raises(MissingFeature, match="was a number at training"):
        build_dataset(examples(seats__share=["many"], industry__name=["x"]), metrics(), SIGNALS, encoding)


def test_a_signal_without_rows_at_scoring_never_happened():
    encoding = build_dataset(examples(a=[1]), metrics(("a0", DAY, "invited", 1, 1, 1, 1, 1)), SIGNALS).encoding
    later = build_dataset(examples(a=[1]), metrics(), SIGNALS, encoding)
    assert column(later, "invited__events_28d").tolist() == [0]
    assert np.isnan(column(later, "invited__days_since_last")).all()


def test_an_account_twice_on_one_date_is_refused():
    table = pa.concat_tables([examples(x__y=[1.0]), examples(x__y=[2.0])])
    with pytest.raises(ValueError, match="account 'a0' occurs twice as of 2026-01-01"):
        build_dataset(table, metrics(), SIGNALS)


def test_a_feature_of_a_type_that_is_no_number_is_refused():
    with pytest.raises(MissingFeature, match="seen__at: a feature is a number"):
        build_dataset(examples(seen__at=[DAY]), metrics(), SIGNALS)
