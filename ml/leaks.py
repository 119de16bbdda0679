"""Whether a feature knows the outcome: the gates that examples pass before a model is trained on them.

1. Separation: how well one feature alone ranks the won above the lost, either way round. An AUC with its lower bound.
2. Purity: whether the feature holds a share of the won and next to none of the lost beyond some value, or by being
   there at all. So looks a field that is written after the conversion, for all of the won or for some of them.
3. Shift: both again against the outcome of the account's next as-of date, which a label that slipped by a date equals.
4. Lead: whether one signal alone ranks later accounts better than all others together. Behaviour leaves many traces,
   of which none says more than the rest; a field that is filled in with the outcome has no rest.
5. Canaries: leaks planted here, in memory, must be caught in the same pass. Otherwise the gates are blind.
6. Permutation: with outcomes dealt anew within each date, no model may rank later rows better than chance. Otherwise
   the pipeline carries outcomes from one slice into another.

Rows of one account tell the same story: an account counts once among the won and once among the lost, as the mean of
its rows, and bounds are computed with numbers of accounts.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingModuleSource=false
# (SciPy ships no types)

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri, xlogy

from ml import logistic
from ml.arrow import Bools, Dates, Floats, Texts
from ml.dataset import Dataset, Feature, labelled
from ml.evaluate import auc, auc_error, resampled
from ml.split import Fold, SplitTooShort, rows_of, time_split

# Honest behaviour reaches an AUC of 0.9. A yes-or-no feature of that AUC, true of 90 % of the won and 10 % of the lost,
# has a region that a normal feature has with 0.965: so the limit for single regions is higher.
SEPARATION_LIMIT, PURITY_LIMIT = 0.93, 0.97
DEVIATIONS = 3.3  # how many standard errors a bound keeps below its figure: passed by chance once in 2,000 times
LONE_LIMIT = 0.75  # the bound that a feature needs to be compared with all others; the strongest honest one: 0.745
SHARES = (0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 0.95)  # of the won, that the regions looked at hold

# With fewer accounts even a perfect feature can be good luck: these put it 3.4 errors above the limit.
WON_TO_SEE, LOST_TO_SEE = 20, 50
PLANTED = "planted"

DEALS, REDEALS = 8, 20
DEALT_ROWS = 4_000  # enough to see an outcome that is carried over; a deal then takes about 0.1 s per fold
PENALTY = 0.01
SEED = 11

Against = Literal["the outcome", "the outcome of the next as-of date"]


class LeakFound(ValueError):  # noqa: N818 - the name says what is wrong
    """A feature separates won from lost accounts as only the outcome itself does."""


class BlindDetector(ValueError):  # noqa: N818
    """A leak that was planted on purpose went unnoticed, so nothing can be said of the others."""


class LeakingPipeline(ValueError):  # noqa: N818
    """A model ranked outcomes that chance had dealt: they reach it from the rows that it is judged on."""


@dataclass(frozen=True)
class Region:
    """Values of a feature, in words, with the shares of the won and of the lost that have them."""

    words: str
    of_won: float
    of_lost: float


@dataclass(frozen=True)
class Lead:
    """AUCs on later rows: of one feature alone, and of all other signals together; `low` bounds the difference."""

    alone: float
    others: float
    low: float


@dataclass(frozen=True)
class Suspicion:
    """What is to be said against one feature; both bounds are AUCs.

    `auc_low` bounds the AUC of the feature as a whole, `pure_low` the AUC that a normal feature needs at least to have
    a region like `region`, the worst that this one has. A `lead` is measured of strong features only.
    """

    feature: Feature
    against: Against
    auc: float
    auc_low: float
    region: Region
    pure_low: float
    lead: Lead | None = None

    @property
    def leads(self) -> bool:
        """Whether it alone is surely better than all others together."""
        return self.lead is not None and self.lead.low > 0

    @property
    def is_leak(self) -> bool:
        """Whether one of the bounds is above its limit."""
        return self.auc_low > SEPARATION_LIMIT or self.pure_low > PURITY_LIMIT or self.leads

    @property
    def rank(self) -> tuple[bool, float, str]:
        """Ascending, the worst first: leaks, then by both bounds together."""
        return not self.is_leak, -self.auc_low - self.pure_low, self.feature.name


@dataclass(frozen=True)
class LeakReport:
    """What the gates saw: suspicions, the worst first; in `notes` what they could not see, or were told to accept.

    `dealt_auc` is the mean AUC with dealt outcomes, `dealt_bound` how far from 0.5 chance alone may take it; NaN where
    the history is too short.
    """

    suspicions: tuple[Suspicion, ...]
    dealt_auc: float
    dealt_bound: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Accounts:
    """Which rows were won, and their weights: rows of one account with one outcome add up to 1."""

    won: Bools
    weights: Floats

    @property
    def sizes(self) -> tuple[float, float]:
        """How many accounts are among the won, and among the lost."""
        return float(self.weights[self.won].sum()), float(self.weights[~self.won].sum())


Judge = Callable[[Dataset, Fold], Floats]


def check_leaks(dataset: Dataset, horizon_days: int, accepted: Mapping[str, str]) -> LeakReport:
    """All gates, one after the other.

    Args:
        dataset: as for training; rows without a label are left out.
        horizon_days: length of the label window.
        accepted: features that are used though they look like leaks, each with the reason.

    Raises:
        LeakFound: names every leaking feature with its figure, the limit and the fix.
        BlindDetector: a planted leak was not caught.
        LeakingPipeline: dealt outcomes were ranked better or worse than by chance.
    """
    known = labelled(dataset)
    found = find_suspicions(plant_canaries(known))
    canaries = {suspicion.feature.name: suspicion for suspicion in found if suspicion.feature.signal == PLANTED}
    honest = tuple(suspicion for suspicion in found if suspicion.feature.signal != PLANTED)
    notes = require_sight(known, canaries)
    try:
        honest = measure_leads(honest, known, horizon_days)
    except SplitTooShort as reason:
        notes.append(f"nobody looked whether one signal outranks all others together: {reason}")
    notes += require_accepted(honest, known, accepted)
    try:
        dealt_auc, dealt_bound = require_chance(known, horizon_days)
    except SplitTooShort as reason:
        dealt_auc = dealt_bound = float("nan")
        notes.append(f"nobody looked whether the pipeline carries outcomes over: {reason}")
    return LeakReport(honest, dealt_auc, dealt_bound, tuple(notes))


def find_suspicions(known: Dataset) -> tuple[Suspicion, ...]:
    """The worst thing to be said against each feature, the worst first.

    Args:
        known: rows with labels of 0 and 1; without both of them there is nothing to say.
    """
    worst: dict[str, Suspicion] = {}
    for suspicion in (
        *_held_against(known, known.labels, "the outcome"),
        *_held_against(known, next_outcomes(known), "the outcome of the next as-of date"),
    ):
        name = suspicion.feature.name
        if name not in worst or suspicion.rank < worst[name].rank:
            worst[name] = suspicion
    return tuple(sorted(worst.values(), key=lambda suspicion: suspicion.rank))


def next_outcomes(known: Dataset) -> Floats:
    """The label of each row's account at the next as-of date, NaN where it has none."""
    days, day_of_row = np.unique(known.dates, return_inverse=True)
    _, account_of_row = np.unique(known.account_ids.astype(str), return_inverse=True)
    keys = account_of_row * (len(days) + 1) + day_of_row
    order = np.argsort(keys)
    place = np.searchsorted(keys[order], keys + 1)
    found = order[np.minimum(place, len(order) - 1)]
    return np.where(keys[found] == keys + 1, known.labels[found], np.nan)


def _held_against(known: Dataset, outcomes: Floats, against: Against) -> list[Suspicion]:
    rows = ~np.isnan(outcomes)
    accounts = count_accounts(known.account_ids[rows], outcomes[rows] == 1)
    if min(accounts.sizes) == 0:
        return []
    X = known.X[rows]
    looked_at = [regions(X[:, j], accounts) for j in range(X.shape[1])]
    bounds = iter(pure_low([region for of_feature in looked_at for region in of_feature], accounts))
    found: list[Suspicion] = []
    for j, of_feature in enumerate(looked_at):
        low, region = max(((next(bounds), region) for region in of_feature), key=lambda pair: pair[0])
        value, value_low = separation(X[:, j], accounts)
        found.append(Suspicion(known.encoding[j], against, value, value_low, region, low))
    return found


def count_accounts(account_ids: Texts, won: Bools) -> Accounts:
    """Weights that let every account count once among the won and once among the lost."""
    _, account_of_row = np.unique(account_ids.astype(str), return_inverse=True)
    _, group, rows = np.unique(2 * account_of_row + won, return_inverse=True, return_counts=True)
    return Accounts(won, 1.0 / rows[group])


def separation(values: Floats, accounts: Accounts) -> tuple[float, float]:
    """The AUC of a feature where it is there, either way round, and its lower bound.

    The bound is the AUC that lies so many of its own standard errors below (Hanley & McNeil 1982): with those of the
    AUC that was seen, 1 would leave no doubt however few the accounts.
    """
    there = ~np.isnan(values)
    of_won, of_lost = _weights_by_value(values[there], Accounts(accounts.won[there], accounts.weights[there]))[1:]
    won, lost = float(of_won.sum()), float(of_lost.sum())
    if not won or not lost:
        return 0.5, 0.5
    above = float((of_won * (of_lost.cumsum() - of_lost / 2)).sum() / (won * lost))
    value = max(above, 1 - above)
    low, high = 0.5, value
    for _ in range(40):
        middle = (low + high) / 2
        if middle + DEVIATIONS * auc_error(middle, won, lost) < value:
            low = middle
        else:
            high = middle
    return value, low


def regions(values: Floats, accounts: Accounts) -> list[Region]:
    """Where a feature is there, where it is missing, and the tails that hold certain shares of the won."""
    won, lost = accounts.sizes
    there = ~np.isnan(values)
    distinct, of_won, of_lost = _weights_by_value(values[there], Accounts(accounts.won[there], accounts.weights[there]))
    of_won, of_lost = of_won / won, of_lost / lost
    share_won, share_lost = float(of_won.sum()), float(of_lost.sum())
    found = [Region("is there", share_won, share_lost), Region("is missing", 1 - share_won, 1 - share_lost)]
    for sign, order in (("<=", slice(None)), (">=", slice(None, None, -1))):
        tail, tail_won, tail_lost = distinct[order], of_won[order].cumsum(), of_lost[order].cumsum()
        ends = np.unique(np.searchsorted(tail_won, np.array(SHARES) - 1e-9))
        found += [
            Region(f"is {sign} {tail[end]:g}", float(tail_won[end]), float(tail_lost[end]))
            for end in ends[ends < len(tail)]
        ]
    return found


def _weights_by_value(values: Floats, accounts: Accounts) -> tuple[Floats, Floats, Floats]:
    distinct, place = np.unique(values, return_inverse=True)
    of_won, of_lost = np.zeros(len(distinct)), np.zeros(len(distinct))
    np.add.at(of_won, place[accounts.won], accounts.weights[accounts.won])
    np.add.at(of_lost, place[~accounts.won], accounts.weights[~accounts.won])
    return distinct, of_won, of_lost


def pure_low(found: list[Region], accounts: Accounts) -> list[float]:
    """For each region the least AUC of a normal feature that could have it.

    A normal feature whose won lie d deviations above its lost has the regions z(of_won) - z(of_lost) = d (Green & Swets
    1966) and an AUC of Phi(d / sqrt 2). The bound is the d that the two shares refuse by so many standard errors, the
    signed root of their likelihood ratio (Wilks 1938): unlike Wald's, it holds where no lost account is in the region.
    """
    shares = np.array([(region.of_won, region.of_lost) for region in found]).reshape(-1, 2)
    low, high = np.zeros(len(shares)), np.full(len(shares), 7.0)
    for _ in range(20):
        middle = (low + high) / 2
        refused = errors_from(middle, shares[:, 0], shares[:, 1], accounts.sizes) > DEVIATIONS
        low, high = np.where(refused, middle, low), np.where(refused, high, middle)
    return [float(value) for value in ndtr(low / np.sqrt(2))]


def errors_from(distance: Floats, of_won: Floats, of_lost: Floats, sizes: tuple[float, float]) -> Floats:
    """How many standard errors the shares lie beyond the curve of normal features at these distances."""
    won, lost = np.clip(of_won, 0, 1), np.clip(of_lost, 0, 1)

    def likelihood(place: Floats) -> Floats:
        at_won = won * log_ndtr(place) + (1 - won) * log_ndtr(-place)
        at_lost = lost * log_ndtr(place - distance) + (1 - lost) * log_ndtr(distance - place)
        return sizes[0] * at_won + sizes[1] * at_lost

    low, high = np.full(len(won), -8.0), distance + 8.0
    for _ in range(30):  # ternary search: the likelihood is concave along the curve
        left, right = low + (high - low) * 0.4, low + (high - low) * 0.6
        rises = likelihood(left) < likelihood(right)
        low, high = np.where(rises, left, low), np.where(rises, high, right)
    free = sizes[0] * (xlogy(won, won) + xlogy(1 - won, 1 - won)) + sizes[1] * (
        xlogy(lost, lost) + xlogy(1 - lost, 1 - lost)
    )
    # no distance is seen where everybody or nobody is in the region
    with np.errstate(invalid="ignore"):
        is_beyond = ndtri(won) - ndtri(lost) > distance
    return np.where(is_beyond, 1.0, -1.0) * np.sqrt(np.maximum(2 * (free - likelihood((low + high) / 2)), 0.0))


def measure_leads(found: tuple[Suspicion, ...], known: Dataset, horizon_days: int) -> tuple[Suspicion, ...]:
    """The suspicions, the worst first, those of strong features that pass alone with their lead over all other signals.

    Other features of the same signal are no rivals: a leak tells its story in all of them.

    Raises:
        SplitTooShort: there is no later slice to compare them on.
    """
    strong = [suspicion for suspicion in found if suspicion.auc_low > LONE_LIMIT and not suspicion.is_leak]
    if not strong:
        return found
    fold = time_split(known.dates, horizon_days).test
    measured = {suspicion.feature.name: lead_of(suspicion.feature, known, fold) for suspicion in strong}
    with_leads = (replace(suspicion, lead=measured.get(suspicion.feature.name)) for suspicion in found)
    return tuple(sorted(with_leads, key=lambda suspicion: suspicion.rank))


def lead_of(feature: Feature, known: Dataset, fold: Fold) -> Lead | None:
    """One feature and all other signals, each fitted before and compared after; None where nothing can be compared."""
    fit, judged = rows_of(known.dates, fold.train), rows_of(known.dates, fold.test)
    own = np.array([other.name == feature.name for other in known.encoding])
    others = np.array([other.signal != feature.signal for other in known.encoding])
    if not others.any() or len(np.unique(known.labels[fit])) < 2 or len(np.unique(known.labels[judged])) < 2:
        return None

    def ranked_by(columns: Bools) -> tuple[float, Floats]:
        (line,) = logistic.fit_path(known.X[np.ix_(fit, columns)], known.labels[fit], (PENALTY,))
        margins = logistic.margins(line, known.X[np.ix_(judged, columns)])
        one_slice = np.zeros(len(margins), dtype=np.int64)
        return resampled("auc", margins, known.labels[judged], one_slice, known.account_ids[judged])

    alone, alone_again = ranked_by(own)
    together, together_again = ranked_by(others)
    error = float(np.nanstd(alone_again - together_again))
    return Lead(alone, together, alone - together - DEVIATIONS * error)


def plant_canaries(known: Dataset) -> Dataset:
    """The same rows with three more features: the outcome, the next one, and a field that only the won have."""
    random = np.random.default_rng(SEED)
    written_later = np.where(known.labels == 1, random.lognormal(size=len(known.labels)), np.nan)
    columns = {"outcome": known.labels, "next_outcome": next_outcomes(known), "written_later": written_later}
    features = tuple(Feature(f"{PLANTED}__{name}", PLANTED, name, "examples", 0) for name in columns)
    return replace(known, X=np.column_stack([known.X, *columns.values()]), encoding=(*known.encoding, *features))


def require_sight(known: Dataset, canaries: Mapping[str, Suspicion]) -> list[str]:
    """Require that the planted leaks were caught; what too few accounts make invisible is returned as a note.

    Raises:
        BlindDetector: names the canaries that were not caught.
    """
    own, after = (_sizes(known, outcomes) for outcomes in (known.labels, next_outcomes(known)))
    sizes = {"outcome": own, "written_later": own, "next_outcome": after}
    names = {name: f"{PLANTED}__{name}" for name in sizes}
    visible = [name for name, (won, lost) in sizes.items() if won >= WON_TO_SEE and lost >= LOST_TO_SEE]
    missed = [name for name in visible if names[name] not in canaries or not canaries[names[name]].is_leak]
    if missed:
        raise BlindDetector(
            f"the leaks {', '.join(missed)}, planted to try the gates, were not caught among {len(known.labels):,} "
            "rows; no feature of this run can be called honest"
        )
    return [
        f"too few accounts to see a leak like {name}: {won:.0f} won and {lost:.0f} lost, where {WON_TO_SEE} and "
        f"{LOST_TO_SEE} are needed"
        for name, (won, lost) in sizes.items()
        if name not in visible
    ]


def _sizes(known: Dataset, outcomes: Floats) -> tuple[float, float]:
    rows = ~np.isnan(outcomes)
    return count_accounts(known.account_ids[rows], outcomes[rows] == 1).sizes


def require_accepted(found: tuple[Suspicion, ...], known: Dataset, accepted: Mapping[str, str]) -> list[str]:
    """Require that every leak is accepted; those that are, and acceptances of nothing, are returned as notes.

    Raises:
        LeakFound: names each of the others with its figure, the limit and the fix.
    """
    leaks = [suspicion for suspicion in found if suspicion.is_leak]
    refused = [leak for leak in leaks if leak.feature.name not in accepted]
    if refused:
        raise LeakFound("\n".join(f"{told(leak)}. {_fix(leak.feature)}" for leak in refused))
    unknown = sorted(set(accepted) - {feature.name for feature in known.encoding})
    return [
        *(f"accepted, {accepted[leak.feature.name]}: {told(leak)}" for leak in leaks),
        *(f"accepted_leaks.csv names {name}, which is no feature of this run" for name in unknown),
    ]


def told(suspicion: Suspicion) -> str:
    """A suspicion in words, with its figure and the limit."""
    name, against, region = suspicion.feature.name, suspicion.against, suspicion.region
    if suspicion.pure_low > PURITY_LIMIT:
        return (
            f"{name} knows {against}: it {region.words} for {region.of_won:.1%} of the won accounts and "
            f"{region.of_lost:.2%} of the lost, as only one with an AUC of {suspicion.pure_low:.3f} or more would be "
            f"(limit {PURITY_LIMIT})"
        )
    if suspicion.lead is not None and suspicion.leads:
        return (
            f"{name} knows {against}: alone it ranks later accounts with an AUC of {suspicion.lead.alone:.3f}, all "
            f"other signals together with {suspicion.lead.others:.3f}; at least {suspicion.lead.low:.3f} more (limit 0)"
        )
    verb = "knows" if suspicion.is_leak else "tells something of"
    return (
        f"{name} {verb} {against}: alone it ranks won above lost with an AUC of {suspicion.auc:.3f}, at least "
        f"{suspicion.auc_low:.3f} (limit {SEPARATION_LIMIT})"
    )


def _fix(feature: Feature) -> str:
    return (
        f"Let its available_at be when it was written, or set use_in_model of {feature.signal} to false in "
        f"signals.csv; if its figures were known at the date, say why in accepted_leaks.csv: {feature.name},…"
    )


def require_chance(known: Dataset, horizon_days: int, judge: Judge | None = None) -> tuple[float, float]:
    """Require that dealt outcomes are ranked as by chance. Returns the mean AUC and how far chance may take it.

    Outcomes are dealt anew within each as-of date, so every date keeps its share of won ones, and an AUC is taken
    within dates. How far the mean may be from 0.5 is found by dealing the judged outcomes once more, without a fit.

    Args:
        known: rows with labels.
        horizon_days: length of the label window.
        judge: fits on the fold's training dates and gives a margin for each row of its test dates; a logistic of the
            pipeline's own when not given.

    Raises:
        SplitTooShort: there is no later slice to judge on.
        LeakingPipeline: the mean is farther from 0.5 than that.
    """
    judge = judge or judged_by_logistic
    split = time_split(known.dates, horizon_days)
    random = np.random.default_rng(SEED)
    few = _some_accounts(known, random)
    seen: list[float] = []
    variances: list[float] = []
    for _ in range(DEALS):
        dealt = replace(few, labels=_deal(few.labels, few.dates, random))
        for fold in (*split.folds, split.test):
            test = rows_of(dealt.dates, fold.test)
            labels, dates = dealt.labels[test], dealt.dates[test]
            if len(np.unique(dealt.labels[rows_of(dealt.dates, fold.train)])) < 2 or not _can_rank(labels, dates):
                continue
            margins = judge(dealt, fold)
            seen.append(_auc_within_dates(margins, labels, dates))
            again = [_auc_within_dates(margins, _deal(labels, dates, random), dates) for _ in range(REDEALS)]
            variances.append(float(np.var(again, ddof=1)))
    if not seen:
        raise SplitTooShort("no later slice holds won and lost accounts of one date")
    mean, bound = float(np.mean(seen)), DEVIATIONS * float(np.sqrt(sum(variances))) / len(seen)
    if abs(mean - 0.5) > bound:
        raise LeakingPipeline(
            f"with outcomes dealt by chance the model ranks later rows with an AUC of {mean:.3f}, where chance gives "
            f"0.5 within {bound:.3f}: outcomes of the rows that it is judged on reach its training"
        )
    return mean, bound


def judged_by_logistic(dealt: Dataset, fold: Fold) -> Floats:
    """Margins for the rows of a fold's test dates, by a logistic fitted on its training dates."""
    fit = rows_of(dealt.dates, fold.train)
    (line,) = logistic.fit_path(dealt.X[fit], dealt.labels[fit], (PENALTY,))
    return logistic.margins(line, dealt.X[rows_of(dealt.dates, fold.test)])


def _some_accounts(known: Dataset, random: np.random.Generator) -> Dataset:
    """All rows of some accounts, about as many rows as are needed; half of them of accounts that won, if there are."""
    accounts, account_of_row = np.unique(known.account_ids.astype(str), return_inverse=True)
    has_won = np.bincount(account_of_row, weights=known.labels, minlength=len(accounts)) > 0
    rows = np.where(has_won, has_won[account_of_row].sum(), (~has_won[account_of_row]).sum())
    chosen = random.random(len(accounts)) * rows < DEALT_ROWS / 2
    return known.rows(chosen[account_of_row])


def _deal(labels: Floats, dates: Dates, random: np.random.Generator) -> Floats:
    """The same labels in another order within each date."""
    by_date = np.argsort(dates, kind="stable")
    dealt = np.empty_like(labels)
    dealt[by_date] = labels[np.lexsort((random.random(len(labels)), dates))]
    return dealt


def _can_rank(labels: Floats, dates: Dates) -> bool:
    return any(len(np.unique(labels[dates == day])) == 2 for day in np.unique(dates))


def _auc_within_dates(scores: Floats, labels: Floats, dates: Dates) -> float:
    """Mean AUC of the dates that have both outcomes, weighted by their pairs of a won and a lost row."""
    values: list[float] = []
    pairs: list[float] = []
    for day in np.unique(dates):
        of_day = labels[dates == day]
        if 0 < of_day.sum() < len(of_day):
            values.append(auc(scores[dates == day], of_day))
            pairs.append(float(of_day.sum() * (1 - of_day).sum()))
    return float(np.average(values, weights=pairs))
