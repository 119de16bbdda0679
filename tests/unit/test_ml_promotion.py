import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from ml.evaluate import calibration_error, sigmoid, weighted_average_precision
from ml.promotion import Scored, calibration_by_chance, compare

ACCOUNTS = 300


def world(seed, rows_of_account=2, effect=1.2):
    """A truth per account, two rows of each, outcomes by the truth."""
    random = np.random.default_rng(seed)
    truth = np.repeat(random.normal(-2, effect, ACCOUNTS), rows_of_account)
    accounts = np.repeat(np.array([f"a{i}" for i in range(ACCOUNTS)], dtype=object), rows_of_account)
    won = np.repeat(random.random(ACCOUNTS), rows_of_account) < sigmoid(truth)
    return random, truth, won.astype(float), accounts


def scored(margins):
    return Scored(margins, sigmoid(margins))


def unscaled(margins):
    """A model that only ranks, so that nothing but the ranking decides."""
    return Scored(margins, np.full(len(margins), np.nan))


def noisy(random, truth, spread):
    """An estimate whose error an account's rows share, as a model's does."""
    return truth + np.repeat(random.normal(0, spread, ACCOUNTS), len(truth) // ACCOUNTS)


@pytest.mark.parametrize("seed", range(4))
def test_weighted_precision_is_that_of_scikit_learn_on_the_repeated_rows(seed):
    random, truth, labels, _ = world(seed)
    margins = truth.round(1)
    weights = random.integers(0, 3, (5, len(labels)))
    found = weighted_average_precision(margins, labels, weights.astype(float))
    for weight, value in zip(weights, found, strict=True):
        repeated = np.repeat(np.arange(len(labels)), weight)
        assert value == pytest.approx(average_precision_score(labels[repeated], margins[repeated]))


def test_M7_equally_good_models_are_promoted_in_at_most_5_percent_of_200_trials():
    promoted = 0
    for trial in range(200):
        random, truth, labels, accounts = world(1000 + trial)
        champion, challenger = (noisy(random, truth, 0.7) for _ in range(2))
        promoted += compare(unscaled(champion), unscaled(challenger), labels, accounts).promoted
    print(f"M7: {promoted} of 200 equally good challengers promoted")
    assert promoted <= 10


def test_M7_the_very_same_model_is_never_promoted():
    for trial in range(5):
        _, truth, labels, accounts = world(trial)
        assert not compare(scored(truth), scored(truth.copy()), labels, accounts).promoted


def test_a_better_model_is_promoted_and_a_worse_one_is_not():
    ahead = behind = 0
    for trial in range(10):
        random, truth, labels, accounts = world(trial)
        worse = unscaled(noisy(random, truth, 6.0))
        ahead += compare(worse, unscaled(truth), labels, accounts).promoted
        behind += compare(unscaled(truth), worse, labels, accounts).promoted
    assert (ahead, behind) == (10, 0)


def test_accounts_are_drawn_not_rows():
    """Ten copies of every row are no more evidence than one: the interval stays as wide."""
    widths = []
    for rows_of_account in (1, 10):
        random, truth, labels, accounts = world(3, rows_of_account)
        random = np.random.default_rng(9)
        verdict = compare(scored(noisy(random, truth, 1.0)), scored(truth), labels, accounts)
        widths.append(verdict.gain_high - verdict.gain_low)
    assert widths[1] == pytest.approx(widths[0], rel=0.25)


def test_M6_a_better_ranking_with_wrong_probabilities_leaves_the_champion():
    random, truth, labels, accounts = world(8)
    champion = scored(noisy(random, truth, 6.0))
    champion = Scored(champion.margins, np.full(len(labels), labels.mean()))  # calibrated, and blind
    right = compare(champion, scored(truth), labels, accounts)
    wrong = compare(champion, Scored(truth, sigmoid(truth + 1.5)), labels, accounts)
    assert right.promoted
    assert not wrong.promoted
    assert wrong.gain_low > 0
    assert wrong.calibration_error > wrong.calibration_limit
    assert "calibration error" in wrong.reason
    assert "the champion stays" in wrong.reason


def test_M6_what_chance_does_to_a_right_model_is_allowed():
    """The limit holds for exactly right probabilities in about 95 of 100 samples."""
    within = 0
    for trial in range(100):
        _, truth, labels, accounts = world(trial)
        limit = calibration_by_chance(sigmoid(truth), accounts)
        within += calibration_error(sigmoid(truth), labels) <= limit
    assert 88 <= within <= 99


def test_a_challenger_without_probabilities_is_judged_by_its_ranking():
    random, truth, labels, accounts = world(6)
    rules = Scored(truth, np.full(len(labels), np.nan))
    verdict = compare(scored(noisy(random, truth, 6.0)), rules, labels, accounts)
    assert verdict.promoted
    assert "no probabilities" in verdict.reason


def test_too_few_won_accounts_leave_the_champion_and_say_how_many_there_were():
    random, truth, labels, accounts = world(7)
    few = labels * (np.cumsum(labels) <= 8)
    verdict = compare(scored(noisy(random, truth, 6.0)), scored(truth), few, accounts)
    assert not verdict.promoted
    assert "4 won accounts to compare by" in verdict.reason
