"""Activation discovery on simulated companies, against what is planted in demo/signals.py.

With 3,000 companies (450 wins) the strongest signals are found in every window, and in the 30 days before a deal
everything planted with an effect of 0.35 or more. The first days of an account, and the change of 2026-01-01 in signals
of effect 0.6, take 8,000 (1,300 wins): `make test-full`.
"""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from demo.signals import NOISE, SIGNALS, STRONGEST
from ml.lift import compare

pytestmark = pytest.mark.slow

FULL = os.environ.get("PQL_TEST_FULL") == "1"
ACCOUNTS = 8000
CHANGE = date(2026, 1, 1)
SHUFFLES = 20 if FULL else 5
WINDOWS = ("last_30_days", "first_14_days", "first_7_days")
SHARP_WINDOWS = WINDOWS if FULL else WINDOWS[:1]
NEGATIVE = ("error_shown", "setup_failed")
MODERATE = tuple(
    str(signal.name) for signal in SIGNALS if signal.part == "moderate" and signal.name != "workspace_created"
)  # an account creates its workspace once, on its first day: in the 30 days before a deal that says how old it is

Rows = dict[tuple[str, str], dict]


@pytest.fixture(scope="module")
def company(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue("many_companies" if FULL else "learned_company")


@pytest.fixture(scope="module")
def many_companies(
    dbt: Callable[..., object], simulate_into: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    home = tmp_path_factory.mktemp("signal_lift")
    simulate_into(home, ACCOUNTS)
    dbt(
        home, "build", "--quiet", "--exclude-resource-type", "test", "unit_test", "--select", "+conversion_counts",
        as_of_date="2026-07-01",
    )  # fmt: skip
    return home


@pytest.fixture(scope="module")
def compared(company: Path) -> tuple[pa.Table, pa.Table]:
    with duckdb.connect(str(company / "pql.duckdb"), read_only=True) as connection:
        return compare(connection.execute("select * from features.conversion_counts").to_arrow_table())


@pytest.fixture(scope="module")
def best(compared: tuple[pa.Table, pa.Table]) -> Rows:
    """Each signal at its best threshold, by window."""
    return {(row["time_window"], row["signal"]): row for row in compared[0].to_pylist() if row["threshold_rank"] == 1}


@pytest.fixture(scope="module")
def by_month(compared: tuple[pa.Table, pa.Table]) -> Callable[[str, int], list[dict]]:
    def months(signal: str, at_least: int) -> list[dict]:
        return [
            row
            for row in compared[1].to_pylist()
            if (row["time_window"], row["signal"], row["at_least"]) == ("last_30_days", signal, at_least)
        ]

    return months


@pytest.mark.parametrize("window", WINDOWS)
def test_the_strongest_planted_signals_come_first(window: str, best: Rows, record_property: Callable) -> None:
    ranked = sorted(STRONGEST, key=lambda signal: best[window, signal]["rank"])
    print(window, [(signal, best[window, signal]["rank"], best[window, signal]["adjusted_gap"]) for signal in ranked])
    record_property(f"ranks_{window}", [best[window, signal]["rank"] for signal in ranked])
    assert all(best[window, signal]["rank"] <= 6 for signal in STRONGEST)
    assert all(best[window, signal]["is_discovery"] and best[window, signal]["gap"] > 0 for signal in STRONGEST)


@pytest.mark.parametrize("window", SHARP_WINDOWS)
def test_what_keeps_accounts_from_converting_has_a_negative_gap(window: str, best: Rows) -> None:
    """In plain rates busy accounts, who see more errors, convert more: the sign is that of the adjusted gap."""
    for signal in NEGATIVE:
        assert best[window, signal]["is_discovery"]
        assert best[window, signal]["adjusted_gap_high"] < 0


def test_moderate_signals_are_discoveries_before_a_deal(best: Rows) -> None:
    for signal in MODERATE:
        assert best["last_30_days", signal]["is_discovery"]
        assert best["last_30_days", signal]["adjusted_gap_low"] > 0


@pytest.mark.parametrize("window", SHARP_WINDOWS)
def test_no_noise_is_ranked_above_what_is_planted(window: str, best: Rows, record_property: Callable) -> None:
    found = [signal for signal in NOISE if best[window, signal]["is_discovery"]]
    print(window, "noise that is called a discovery:", [(name, best[window, name]["adjusted_gap"]) for name in found])
    record_property(f"noise_discoveries_{window}", found)
    planted = (*STRONGEST, *NEGATIVE, *(MODERATE if window == "last_30_days" else ()))
    last_planted = max(best[window, signal]["rank"] for signal in planted)
    assert min(best[window, signal]["rank"] for signal in NOISE) > last_planted


@pytest.mark.skipif(not FULL, reason="8,000 companies; PQL_TEST_FULL=1")
def test_the_change_of_the_product_shows_in_the_months(by_month: Callable[[str, int], list[dict]]) -> None:
    automation = by_month("automation_created", 3)
    assert {row["trend"] for row in automation} == {"grown"}
    assert {row["changed_in"] for row in automation} == {CHANGE}
    assert automation[0]["gap_before"] < 0.03 < 0.08 < automation[0]["gap_after"]
    for at_least in (1, 3):
        exports = by_month("export_run", at_least)
        before, after = (
            weighted_gap([row for row in exports if (row["cohort_month"] >= CHANGE) == is_after])
            for is_after in (False, True)
        )
        print(
            f"export_run, at least {at_least}: gap {before:.3f}, then {after:.3f}, p {exports[0]['change_p_value']:.4f}"
        )
        assert before > 0.08
        assert after < before / 2
        assert exports[0]["change_p_value"] < 0.05


def weighted_gap(rows: list[dict]) -> float:
    return sum(row["adjusted_gap"] * row["converters"] for row in rows) / sum(row["converters"] for row in rows)


def test_signals_that_stay_as_they_are_have_no_trend(by_month: Callable[[str, int], list[dict]]) -> None:
    assert {row["trend"] for signal in STRONGEST for row in by_month(signal, 1)} == {"steady"}


def test_shuffled_labels_show_nothing(company: Path, record_property: Callable) -> None:
    """Who converted is dealt anew among the accounts of a month and kind, for every fourth account."""
    compiled = company / "target" / "compiled" / "pql_scoring" / "models" / "features" / "conversion_counts.sql"
    counting = compiled.read_text(encoding="utf-8").replace('"pql"."features"."conversion_windows"', "shuffled")
    shuffle = """
        create or replace temp table shuffled as
        with chosen as (
            select * from features.conversion_windows where strpos('048c', right(account_id, 1)) > 0
        ),

        seats as (
            select * exclude (outcome),
                row_number() over (partition by time_window, cohort_month, account_kind order by account_id) as seat
            from chosen
        ),

        dealt as (
            select time_window, cohort_month, account_kind, outcome,
                row_number() over (
                    partition by time_window, cohort_month, account_kind order by md5(account_id || ?)
                ) as seat
            from chosen
        )

        select seats.* exclude (seat), dealt.outcome
        from seats inner join dealt using (time_window, cohort_month, account_kind, seat)
    """
    discoveries: list[int] = []
    with duckdb.connect(str(company / "pql.duckdb"), read_only=True) as connection:
        for number in range(SHUFFLES):
            connection.execute(shuffle, [str(number)])
            lift, months = compare(connection.execute(counting).to_arrow_table())
            assert sum(lift["converters"].to_pylist()) > (1000 if FULL else 300)
            discoveries.append(sum(lift["is_discovery"].to_pylist()))
            assert not {"decayed", "grown"} & set(months["trend"].to_pylist())
    print("discoveries among shuffled labels:", discoveries)
    record_property("shuffled_discoveries", discoveries)
    assert sum(found > 0 for found in discoveries) <= 1
