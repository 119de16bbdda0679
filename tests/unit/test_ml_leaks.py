"""The leak gates: what must be caught, what must pass, and how few accounts leave them without a word to say."""

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import binom, norm

from ml import leaks
from ml.dataset import Dataset, Feature
from ml.leaks import (
    BlindDetector,
    LeakFound,
    LeakingPipeline,
    check_leaks,
    find_suspicions,
    next_outcomes,
    plant_canaries,
    require_chance,
)
from ml.split import rows_of

FULL = os.environ.get("PQL_TEST_FULL") == "1"
TRIALS = 100 if FULL else 25
SHARED_DATA = Path(os.environ.get("PQL_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
HORIZON = 3  # dates, which are months here; 90 days
WEEKS = np.datetime64("2025-01-01")


@dataclass(frozen=True)
class World:
    """Accounts that win at some moment or never, looked at once a month until they do."""

    account: np.ndarray
    month: np.ndarray
    won: np.ndarray
    wins_at: np.ndarray  # by row, in months; infinite for who never wins

    def dataset(self, **columns: np.ndarray) -> Dataset:
        names = tuple(name.replace("_", "__", 1) for name in columns)
        return Dataset(
            X=np.column_stack(list(columns.values())).astype(float),
            encoding=tuple(Feature(name, *name.split("__", 1), "examples", 0) for name in names),
            account_ids=np.array([f"a{number:06d}" for number in self.account], dtype=object),
            dates=(WEEKS.astype("datetime64[M]") + self.month).astype("datetime64[D]"),
            labels=self.won,
        )


def world(random: np.random.Generator, winners: int, share: float, months: int) -> World:
    accounts = int(winners / share)
    first = random.integers(0, max(months - 1, 1), accounts)
    wins_at = np.full(accounts, np.inf)
    chosen = random.permutation(accounts)[:winners]
    wins_at[chosen] = first[chosen] + random.random(winners) * (months - 1 - first[chosen] + HORIZON)
    account, month = (grid.ravel() for grid in np.meshgrid(np.arange(accounts), np.arange(months), indexing="ij"))
    there = (month >= first[account]) & (month <= wins_at[account])
    account, month = account[there], month[there]
    order = np.lexsort((account, month))
    account, month = account[order], month[order]
    return World(account, month, (wins_at[account] < month + HORIZON).astype(float), wins_at[account])


def some_size(random: np.random.Generator, least: int = 20, most: int = 2_000) -> World:
    """So many winners, 5 to 30 % of the accounts, over 1 to 10 months, in at most about 30,000 rows."""
    winners = int(np.exp(random.uniform(np.log(least), np.log(most))))
    share = float(random.choice([0.05, 0.1, 0.3] if winners < 500 else [0.1, 0.3]))
    months = int(random.choice([1, 6, 10])) if winners / share < 3_000 else int(random.choice([1, 3]))
    return world(random, winners, share, months)


def honest_features(random: np.random.Generator, here: World, auc: float) -> dict[str, np.ndarray]:
    """Seven shapes of one strength, the same story in each row of an account to some degree."""
    together = float(random.choice([0.0, 0.5, 0.9]))
    of_account = random.normal(size=int(here.account.max()) + 1)[here.account]
    noise = np.sqrt(together) * of_account + np.sqrt(1 - together) * random.normal(size=len(here.won))
    normal = noise + np.sqrt(2) * ndtri(auc) * here.won
    wider = np.where(here.won == 1, ndtri(auc) * np.sqrt(1 + 1.3**2) + 1.3 * noise, noise)
    return {
        "normal_x": normal,
        "amount_x": np.exp(normal),
        "wider_x": wider,
        "count_x": np.floor(np.exp(normal - 0.5)),
        "often_zero": np.maximum(normal - 0.5, 0),
        "sometimes_there": np.where(normal > 1, normal, np.nan),
        "yes_no": (random.random(len(noise)) < np.where(here.won == 1, auc, 1 - auc)).astype(float),
        "nothing_x": random.normal(size=len(noise)),
    }


def flipped(random: np.random.Generator, outcomes: np.ndarray, share: float) -> np.ndarray:
    return np.where(random.random(len(outcomes)) < share, 1 - outcomes, outcomes)


def written_for(random: np.random.Generator, here: World, share: float, otherwise: float) -> np.ndarray:
    """A figure that is there once the account has won, for a share of the winners."""
    chosen = (random.random(int(here.account.max()) + 1) < share)[here.account]
    return np.where((here.won == 1) & chosen, random.lognormal(size=len(chosen)), otherwise)


def at_next_date(here: World) -> np.ndarray:
    return next_outcomes(here.dataset(any_x=here.won))


# A leak, and the fewest winners among which it must be seen: with noise, or for some winners only, it takes more.
Plant = Callable[[np.random.Generator, World], np.ndarray]
LEAKS: dict[str, tuple[int, Plant]] = {
    "the outcome": (20, lambda random, here: here.won),
    "the outcome, reversed": (20, lambda random, here: -here.won),
    "the outcome of the next date": (40, lambda random, here: at_next_date(here)),
    "the outcome of the next date, 0 where there is none": (40, lambda random, here: np.nan_to_num(at_next_date(here))),
    "written after the conversion": (20, lambda random, here: written_for(random, here, 1.0, np.nan)),
    "written after the conversion, 0 before": (20, lambda random, here: written_for(random, here, 1.0, 0.0)),
    "missing after the conversion": (20, lambda random, here: np.where(here.won == 1, np.nan, 1.0)),
    "the outcome with 2 % noise": (150, lambda random, here: flipped(random, here.won, 0.02)),
    "the outcome under a normal error": (150, lambda random, here: here.won + random.normal(0, 0.3, len(here.won))),
    "the next outcome with 2 % noise": (150, lambda random, here: flipped(random, at_next_date(here), 0.02)),
    "written for 80 % of the winners": (150, lambda random, here: written_for(random, here, 0.8, np.nan)),
    "written for 80 % of the winners, else 0": (250, lambda random, here: written_for(random, here, 0.8, 0.0)),
}


@pytest.mark.parametrize("name", LEAKS)
def test_M3_every_kind_of_leak_is_caught_in_a_company_of_400_winners(name: str):
    random = np.random.default_rng(1)
    here = world(random, 400, 0.1, 6)
    leaking = here.dataset(crm_leak=LEAKS[name][1](random, here), **honest_features(random, here, 0.8))

    with pytest.raises(LeakFound, match="crm__leak knows the outcome") as caught:
        check_leaks(leaking, 90, {})

    assert str(caught.value).count("knows") == 1


def test_a_field_that_outranks_all_others_together_is_caught_where_it_alone_would_pass():
    random = np.random.default_rng(13)
    here = world(random, 1_000, 0.1, 10)
    field = random.normal(size=len(here.won)) + np.sqrt(2) * ndtri(0.85) * here.won
    weak, strong = (honest_features(random, here, auc) for auc in (0.7, 0.85))

    with pytest.raises(LeakFound, match=r"crm__leak knows the outcome: alone it ranks later accounts .*\(limit 0\)"):
        check_leaks(here.dataset(crm_leak=field, **weak), 90, {})
    assert check_leaks(here.dataset(crm_leak=field, **weak), 90, {"crm__leak": "known at the date"}).notes
    assert not any(one.is_leak for one in check_leaks(here.dataset(crm_leak=field, **strong), 90, {}).suspicions)


def test_other_measures_of_the_same_signal_do_not_vouch_for_it():
    random = np.random.default_rng(14)
    here = world(random, 1_000, 0.1, 10)
    field = random.normal(size=len(here.won)) + np.sqrt(2) * ndtri(0.85) * here.won

    with pytest.raises(LeakFound, match="crm__leak knows the outcome"):
        check_leaks(here.dataset(crm_leak=field, crm_again=field, **honest_features(random, here, 0.7)), 90, {})


@pytest.mark.parametrize("sign", [1, -1])
def test_an_outcome_under_an_error_that_leaves_no_region_pure_is_caught_as_a_whole_either_way_round(sign: int):
    random = np.random.default_rng(12)
    here = world(random, 400, 0.1, 6)
    blurred = sign * (here.won + random.normal(0, 0.37, len(here.won)))  # an AUC of 0.972

    with pytest.raises(LeakFound, match=r"crm__leak knows the outcome: alone it ranks won above lost .*\(limit 0.93\)"):
        check_leaks(here.dataset(crm_leak=blurred), 90, {})


def test_M3_a_planted_leak_blocks_training_every_time(record_property: Callable[[str, object], None]):
    missed = []
    for trial in range(TRIALS):
        random = np.random.default_rng(100 + trial)
        name = list(LEAKS)[trial % len(LEAKS)]
        least, plant = LEAKS[name]
        here = some_size(random, least)
        while "next" in name and here.month.max() == 0:
            here = some_size(random, least)
        leaking = here.dataset(crm_leak=plant(random, here), **honest_features(random, here, 0.8))
        try:
            check_leaks(leaking, 90, {})
            missed.append((trial, name, int(here.won.sum()), len(here.won)))
        except LeakFound as found:
            assert "crm__leak knows" in str(found)  # noqa: PT017 - every trial is counted, the caught ones looked at
    print(f"{TRIALS - len(missed)} of {TRIALS} planted leaks caught")
    record_property("caught", TRIALS - len(missed))
    assert not missed


def test_M3_honest_features_are_left_alone(record_property: Callable[[str, object], None]):
    alarms, nearest = [], 0.0
    for trial in range(TRIALS):
        random = np.random.default_rng(500 + trial)
        here = some_size(random)
        features = honest_features(random, here, 0.9)
        features |= {f"weak_{name}": values for name, values in honest_features(random, here, 0.7).items()}
        try:
            report = check_leaks(here.dataset(**features), 90, {})
            nearest = max(nearest, *(suspicion.pure_low for suspicion in report.suspicions))
        except (LeakFound, LeakingPipeline, BlindDetector) as alarm:
            alarms.append((trial, str(alarm)))
    print(f"{len(alarms)} false alarms in {TRIALS}; the nearest honest feature had a bound of {nearest:.3f}")
    record_property("false_alarms", len(alarms))
    assert len(alarms) <= 0.02 * TRIALS, alarms


def test_the_message_names_feature_figure_limit_and_fix():
    random = np.random.default_rng(2)
    here = world(random, 60, 0.1, 6)
    leaking = here.dataset(
        crm_stage=written_for(random, here, 1.0, np.nan), team_size=random.normal(size=len(here.won))
    )

    with pytest.raises(LeakFound) as caught:
        check_leaks(leaking, 90, {"team__size": "counted every night"})

    assert "crm__stage knows the outcome: it is there for 100.0% of the won accounts and 0.00% of the lost" in str(
        caught.value
    )
    assert "(limit 0.97)" in str(caught.value)
    assert "set use_in_model of crm to false in signals.csv" in str(caught.value)
    assert "accepted_leaks.csv: crm__stage" in str(caught.value)
    assert "team__size" not in str(caught.value)


def test_an_accepted_leak_is_told_and_does_not_block_and_neither_hides_another():
    random = np.random.default_rng(3)
    here = world(random, 60, 0.1, 6)
    columns = {"crm_stage": here.won, "team_size": random.normal(size=len(here.won))}
    accepted = {"crm__stage": "a trial of the gates", "crm__staeg": "a slip of the pen"}

    notes = check_leaks(here.dataset(**columns), 90, accepted).notes

    assert notes[0].startswith("accepted, a trial of the gates: crm__stage knows the outcome")
    assert notes[1] == "accepted_leaks.csv names crm__staeg, which is no feature of this run"
    with pytest.raises(LeakFound, match="crm__other"):
        check_leaks(here.dataset(**columns, crm_other=here.won), 90, accepted)


def test_a_blind_detector_fails_the_run(monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(4)
    here = world(random, 60, 0.1, 6)
    monkeypatch.setattr(leaks, "DEVIATIONS", 1_000.0)

    with pytest.raises(BlindDetector, match="outcome, written_later, next_outcome, planted to try the gates"):
        check_leaks(here.dataset(team_size=random.normal(size=len(here.won))), 90, {})


@pytest.mark.parametrize(
    ("winners", "share", "months", "blind_to"), [(8, 0.05, 6, 3), (60, 0.1, 1, 1), (60, 0.1, 6, 0)]
)
def test_too_few_accounts_to_see_a_leak_are_said_to_be(winners: int, share: float, months: int, blind_to: int):
    random = np.random.default_rng(5)
    here = world(random, winners, share, months)

    notes = check_leaks(here.dataset(team_size=random.normal(size=len(here.won))), 90, {}).notes

    assert sum("too few accounts to see a leak like" in note for note in notes) == blind_to


def test_no_labels_at_all_are_no_leak():
    here = world(np.random.default_rng(6), 20, 0.1, 3)
    nothing_known = replace(here.dataset(team_size=here.won), labels=np.full(len(here.won), np.nan))

    report = check_leaks(nothing_known, 90, {})

    assert report.suspicions == ()
    assert np.isnan(report.dealt_auc)


def test_more_rows_of_the_same_accounts_make_nothing_surer():
    random = np.random.default_rng(7)
    here = world(random, 30, 0.1, 1)
    once = here.dataset(team_size=random.normal(size=len(here.won)) + here.won)
    days = [np.datetime64("2025-01-01") + 400 * copy for copy in range(8)]  # too far apart to be each other's next date
    often = replace(
        once,
        X=np.tile(once.X, (8, 1)),
        account_ids=np.tile(once.account_ids, 8),
        dates=np.repeat(days, len(here.won)),
        labels=np.tile(once.labels, 8),
    )

    (alone,) = find_suspicions(once)
    repeated = min(find_suspicions(often), key=lambda suspicion: suspicion.against)

    assert (repeated.auc, repeated.auc_low) == pytest.approx((alone.auc, alone.auc_low))
    assert repeated.pure_low == pytest.approx(alone.pure_low)


def test_the_next_outcome_is_that_of_the_next_date_and_no_later_one():
    dates = np.array(["2025-01-01", "2025-01-01", "2025-02-01", "2025-03-01", "2025-03-01"], dtype="datetime64[D]")
    accounts = np.array(["a", "b", "a", "a", "b"], dtype=object)
    known = Dataset(np.zeros((5, 0)), (), accounts, dates, np.array([0.0, 0.0, 1.0, 0.0, 1.0]))

    assert np.array_equal(next_outcomes(known), [1.0, np.nan, 0.0, np.nan, np.nan], equal_nan=True)


@pytest.mark.parametrize(("winners", "losers"), [(20, 400), (200, 400)])
@pytest.mark.parametrize("auc", [0.7, 0.9, 0.97])
def test_the_bound_of_an_auc_is_above_the_truth_hardly_ever(winners: int, losers: int, auc: float):
    random = np.random.default_rng(8)
    won = np.arange(winners + losers) < winners
    accounts = leaks.Accounts(won, np.ones(len(won)))
    bounds = [
        leaks.separation(random.normal(size=len(won)) + np.sqrt(2) * ndtri(auc) * won, accounts)[1] for _ in range(400)
    ]

    assert np.mean(np.array(bounds) > auc) <= 0.005
    assert np.mean(bounds) > auc - (0.25 if winners == 20 else 0.1)


def test_the_bound_of_a_region_is_what_a_search_over_all_normal_features_gives():
    sizes, of_won, of_lost = (30.0, 300.0), 0.8, 0.02
    accounts = leaks.Accounts(np.arange(330) < 30, np.ones(330))
    (bound,) = leaks.pure_low([leaks.Region("", of_won, of_lost)], accounts)

    def best_fit(distance: float) -> float:
        places = np.linspace(-5, 8, 4_001)
        fits = binom.logpmf(24, 30, norm.cdf(places)) + binom.logpmf(6, 300, norm.cdf(places - distance))
        return float(fits.max())

    freely = float(binom.logpmf(24, 30, of_won) + binom.logpmf(6, 300, of_lost))
    distance = np.sqrt(2) * ndtri(bound)

    assert sizes == accounts.sizes
    assert np.sqrt(2 * (freely - best_fit(distance))) == pytest.approx(leaks.DEVIATIONS, abs=0.01)


@pytest.mark.parametrize("winners", [20, 200])
def test_the_bound_of_a_region_is_above_the_truth_hardly_ever(winners: int):
    random = np.random.default_rng(9)
    auc, of_won = 0.9, 0.5
    of_lost = float(norm.cdf(ndtri(of_won) - np.sqrt(2) * ndtri(auc)))
    accounts = leaks.Accounts(np.arange(11 * winners) < winners, np.ones(11 * winners))
    drawn = [
        leaks.Region("", random.binomial(winners, of_won) / winners, random.binomial(n, of_lost) / n)
        for n in [10 * winners] * 3_000
    ]

    assert np.mean(np.array(leaks.pure_low(drawn, accounts)) > auc) <= 0.002


def test_a_pipeline_that_trains_on_what_it_is_judged_on_is_caught():
    random = np.random.default_rng(10)
    here = world(random, 200, 0.3, 10)
    known = here.dataset(**{f"noise_{number}": random.normal(size=len(here.won)) for number in range(30)})

    def peeking(dealt, fold):
        return leaks.judged_by_logistic(dealt, replace(fold, train=(*fold.train, *fold.test)))

    mean, bound = require_chance(known, 90)

    assert abs(mean - 0.5) <= bound < 0.06
    with pytest.raises(LeakingPipeline, match="outcomes of the rows that it is judged on reach its training"):
        require_chance(known, 90, peeking)


def test_dealing_keeps_each_dates_outcomes_and_moves_them_between_accounts():
    random = np.random.default_rng(11)
    here = world(random, 100, 0.3, 6)
    known = here.dataset(team_size=here.won)

    dealt = leaks._deal(known.labels, known.dates, random)

    for day in np.unique(known.dates):
        assert dealt[known.dates == day].sum() == known.labels[known.dates == day].sum()
    assert np.corrcoef(dealt, known.labels)[0, 1] < 0.5
    assert rows_of(known.dates, tuple(np.unique(known.dates).tolist())).all()


@pytest.mark.parametrize(
    ("path", "delimiter", "target", "yes", "near_leak"),
    [
        ("bank_marketing/bank-additional/bank-additional-full.csv", ";", "y", "yes", "duration"),
        ("online_shoppers/online_shoppers_intention.csv", ",", "Revenue", "TRUE", "PageValues"),
    ],
)
def test_a_known_near_leak_of_real_data_ranks_first(path: str, delimiter: str, target: str, yes: str, near_leak: str):
    if not (SHARED_DATA / path).is_file():
        pytest.skip(f"real data {path} is absent; set PQL_SHARED_DATA to the folder that holds it")
    with (SHARED_DATA / path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=delimiter))
    labels = np.array([float(row.pop(target) == yes) for row in rows])
    columns: dict[str, np.ndarray] = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if all(value.replace(".", "", 1).replace("-", "", 1).replace("E-", "", 1).isdigit() for value in values):
            columns[name] = np.array([float(value) for value in values])
        else:
            columns |= {f"{name}={level}": np.array([value == level for value in values]) for level in set(values)}
    known = Dataset(
        np.column_stack(list(columns.values())).astype(float),
        tuple(Feature(name, name, "value", "examples", 0) for name in columns),
        np.array([f"a{number}" for number in range(len(labels))], dtype=object),
        np.full(len(labels), np.datetime64("2025-01-01")),
        labels,
    )

    found = find_suspicions(plant_canaries(known))

    print(f"{path}: " + leaks.told(found[2]))
    assert [suspicion.feature.name for suspicion in found[:2]] == ["planted__outcome", "planted__written_later"]
    assert [suspicion.is_leak for suspicion in found[:3]] == [True, True, False]
    assert found[2].feature.name == near_leak
