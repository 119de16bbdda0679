"""The whole job on 3,000 simulated companies, against what the simulator knows to be true."""

from collections.abc import Callable
from pathlib import Path

import pytest
from resolved import Read, Record, Resolved, accounts, assert_agreement, persons, users_by_account
from scipy.stats import spearmanr

from demo.signals import NOISE, STRONGEST

pytestmark = pytest.mark.slow

Resolve = Callable[[Path, Read], Resolved]


@pytest.fixture(scope="module")
def company(learned_company: Path) -> Path:
    return learned_company


@pytest.fixture(scope="module")
def learned(company: Path, read_rows: Read) -> dict[str, tuple[int, int]]:
    """(rank, direction) of the ten signals that weigh most in the model behind the published scores."""
    rows = read_rows(
        company,
        "select signal, rank, direction from scores.signal_weights "
        "where model_version = (select model_version from publishing.runs where status = 'published') and rank <= 10",
    )
    assert len(rows) == 10
    return {signal: (rank, direction) for signal, rank, direction in rows}


@pytest.mark.parametrize("resolve", [persons, users_by_account, accounts])
def test_identifiers_are_joined_into_what_they_truly_belong_to(
    resolve: Resolve, company: Path, read_rows: Read, record_property: Record
) -> None:
    assert_agreement(resolve(company, read_rows), record_property)


def test_the_strongest_planted_signals_are_learned_with_the_right_sign(
    learned: dict[str, tuple[int, int]], record_property: Record
) -> None:
    print("ten heaviest signals:", ", ".join(f"{signal} {direction:+d}" for signal, (_, direction) in learned.items()))
    record_property("ten_heaviest_signals", list(learned))
    assert len(STRONGEST) == 5
    assert {signal: learned.get(signal, (None, None))[1] for signal in STRONGEST} == dict.fromkeys(STRONGEST, 1)
    assert learned.get("error_shown", (None, -1))[1] == -1


def test_planted_noise_is_not_learned(learned: dict[str, tuple[int, int]]) -> None:
    assert set(NOISE).isdisjoint(learned)


OWNERS = """
    select * from (
        select reach.target as account_id, identifiers.true_account, count(*) as shared
        from truth.account_identifiers as identifiers
        inner join identity.organisation_reach as reach
            on replace(identifiers.identifier_type, '_id', '') || ':' || identifiers.identifier = reach.node
        group by all
    )
    qualify row_number() over (partition by account_id order by shared desc, true_account) = 1
        and row_number() over (partition by true_account order by shared desc, account_id) = 1
"""


def test_scores_follow_the_true_probability(company: Path, read_rows: Read, record_property: Record) -> None:
    rows = read_rows(
        company,
        f"""
        select scores.probability, true_accounts.true_probability
        from scores.account_scores as scores
        inner join ({OWNERS}) as owners using (account_id)
        inner join truth.accounts as true_accounts
            on owners.true_account = true_accounts.true_account and scores.as_of_date = true_accounts.as_of_date
        where scores.cohort = 'eligible'
        """,
    )
    predicted, true = zip(*rows, strict=True)
    correlation = float(spearmanr(predicted, true).statistic)
    print(f"Spearman correlation with the true probability: {correlation:.3f} over {len(rows):,} eligible companies")
    record_property("spearman_with_truth", correlation)
    assert len(rows) > 1000
    assert correlation > 0.5


def test_expansion_scores_follow_the_true_probability(company: Path, read_rows: Read, record_property: Record) -> None:
    rows = read_rows(
        company,
        f"""
        select scores.score, true_customers.true_probability
        from scores.expansion_scores as scores
        inner join ({OWNERS}) as owners using (account_id)
        inner join truth.customers as true_customers
            on owners.true_account = true_customers.true_account and scores.as_of_date = true_customers.as_of_date
        """,
    )
    scored, true = zip(*rows, strict=True)
    correlation = float(spearmanr(scored, true).statistic)
    print(f"Spearman correlation with the true expansion probability: {correlation:.3f} over {len(rows):,} customers")
    record_property("spearman_with_truth_of_customers", correlation)
    assert len(rows) > 100
    assert correlation > 0.4


def test_probabilities_and_intervals_hold_on_later_accounts(
    company: Path, read_rows: Read, record_property: Record
) -> None:
    found = dict(
        read_rows(
            company,
            "select backtests.metric, backtests.value from ml.backtests as backtests "
            "inner join ml.ladder as ladder on backtests.model_version = ladder.model_version "
            "and backtests.model_name = ladder.rung and ladder.is_chosen "
            "where backtests.slice = 'test' and backtests.model_version = "
            "(select model_version from publishing.runs where status = 'published')",
        )
    )
    for metric in ("calibration_error", "interval_coverage", "interval_width"):
        print(f"out-of-time {metric}: {found[metric]:.4f}")
        record_property(metric, found[metric])
    assert found["calibration_error"] <= 0.02
    assert found["interval_coverage"] >= 0.8  # of half a dozen groups; nominal 0.9


def test_the_model_beats_its_baselines_out_of_time(company: Path, read_rows: Read, record_property: Record) -> None:
    auc = {
        name: (value, low, high)
        for name, value, low, high in read_rows(
            company,
            "select model_name, value, value_low, value_high from ml.backtests where slice = 'test' and metric = 'auc' "
            "and model_version = (select model_version from publishing.runs where status = 'published')",
        )
    }
    for name, (value, low, high) in auc.items():
        print(f"out-of-time AUC of {name}: {value:.3f} ({low:.3f} to {high:.3f})")
        record_property(f"auc_{name}", value)
    assert auc["gradient_boosting"][0] > auc["logistic"][1]
    assert auc["gradient_boosting"][0] > auc["newest_first"][2]
