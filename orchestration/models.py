"""Which model a run scores with: the champion, who challenges it and when, and what is done where it cannot be used.

`ml.model_status` remembers every decision and is only ever added to; who is champion follows from reading it in order.
What a run decided counts only once the run has ended well: the decisions of a failed one are dropped.

Two purposes are served by the same steps, each with a champion of its own: new business, learned from what became of
accounts, and expansion, learned from what became of customers.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml import register
from ml.backtest import RECIPE, History, backtest_by_month, judge_challenger, read_history, train_on
from ml.dataset import Dataset, MissingFeature, build_dataset, labelled, require_features
from ml.drift import Drift, drift_table, measure_drift, measure_performance, overall
from ml.drift import in_words as drift_in_words
from ml.explain import by_signal, signals_of
from ml.leaks import LeakReport, check_leaks
from ml.register import Backtest, Model, TamperedModel, TrainedModel
from ml.rule_lift import Learned, rule_lift
from ml.rules import read_rules, rules_encoding
from ml.score import explained, margins
from ml.segments import read_segments
from ml.train import Options, options_to_json, rules_only
from warehouse.connection import Backend
from warehouse.tables import append_rows, ensure_table, has_table, query, read_table, replace_rows

NEW_BUSINESS, EXPANSION = "new_business", "expansion"
Purpose = Literal["new_business", "expansion"]

CHAMPION, CHALLENGER, UNUSABLE, ROLLED_BACK = "champion", "challenger", "unusable", "rolled back"
BY_RUN, BY_HAND = "run", "hand"
DORMANT = ("never_active", "inactive")  # places in the cohort that no model is trained on, nor anything like them
# Exact margins of 5,000 training rows are enough for tenths, and cost half a second.
COMPARED_ROWS = 5_000
WEIGHED_ROWS = 50_000  # evenly over time: rates of rules are sharp enough then

MODEL_STATUS = pa.schema(
    [
        ("position", pa.int64()),  # 1, 2, … in the order of the decisions
        ("model_version", pa.string()),
        ("status", pa.string()),
        ("since", pa.timestamp("us")),
        ("decided_by", pa.string()),  # run, or hand
        ("reason", pa.string()),
        ("deciding_run", pa.string()),  # null by hand
        ("purpose", pa.string()),  # null in what a release before expansion wrote: new business
    ]
)


class UnknownModel(LookupError):  # noqa: N818 - the name says what is wrong
    """No such model is stored, or nothing has been built to train one on."""


class DriftBlocks(RuntimeError):  # noqa: N818 - the name says what is wrong
    """Today's accounts are unlike those that the model learned from, and drift_policy is block."""


@dataclass(frozen=True)
class Today:
    """The accounts of the cohort that are scored."""

    examples: pa.Table
    signal_metrics: pa.Table


@dataclass(frozen=True)
class Decider:
    """Who decides, when and for which purpose; `run_id` is None by hand."""

    now: datetime
    run_id: str | None = None
    purpose: Purpose = NEW_BUSINESS


@dataclass(frozen=True)
class Champion:
    """The champion as it is found: `model` is None where it cannot be used, and `trouble` says why."""

    version: str
    model: Model | None
    trouble: str | None
    manifest: Mapping[str, Any]

    @property
    def until(self) -> date | None:
        """Its newest training date; None where it learned from no example."""
        learned = self.model is not None and self.model.rung != register.RULES
        return date.fromisoformat(self.manifest["as_of_to"]) if learned else None


@dataclass(frozen=True)
class Training:
    """What came of a training: the model, whether it was new, whether it is champion now, and why."""

    model_version: str
    rung: str
    is_new: bool
    promoted: bool
    reason: str


@dataclass(frozen=True)
class Choice:
    """The model that a run scores with, what was found and done on the way, and the rows of `ml.drift`."""

    model_version: str
    said: tuple[str, ...]
    drift: pa.Table


def read_stored_history(backend: Backend, purpose: Purpose = NEW_BUSINESS) -> History:
    """Everything to learn from, as the last run built it.

    Raises:
        UnknownModel: no run has built any examples yet.
    """
    labels = "expansion_labels" if purpose == EXPANSION else "training_examples"
    if not has_table(backend, "features", labels):
        raise UnknownModel("there is nothing to train on yet; `pql run` builds it")
    return read_history(
        _customers_of_before(backend) if purpose == EXPANSION else read_table(backend, "features", labels),
        read_metrics(backend, labels),
        read_table(backend, "config", "signals"),
        rules_in_use(backend, purpose),
        int(setting(backend, "horizon_days")),
        asked_options(backend),
    )


def _customers_of_before(backend: Backend) -> pa.Table:
    """Metrics of customers as of past dates, with what became of them as `is_won`."""
    metrics = backend.table("account_metrics", database="features")
    labels = backend.table("expansion_labels", database="features")
    return metrics.inner_join(labels, ["account_id", "as_of_date"]).to_pyarrow()


def asked_options(backend: Backend) -> Options:
    """What seeds/settings.csv and seeds/segments.csv ask of a training."""
    half_life = float(setting(backend, "recency_half_life_days") or 0)
    return Options(half_life_days=half_life or None, segments=read_segments(read_table(backend, "config", "segments")))


def checked_history(backend: Backend, purpose: Purpose = NEW_BUSINESS) -> tuple[History, LeakReport]:
    """As `read_stored_history`, and what the gates saw; nothing is trained on examples that leak.

    Raises:
        UnknownModel: no run has built any examples yet.
        LeakageFound: names each feature that looks like a leak.
    """
    history = read_stored_history(backend, purpose)
    return history, check_leaks(history.dataset, history.horizon_days, accepted_leaks(backend))


def accepted_leaks(backend: Backend) -> dict[str, str]:
    """Features that seeds/accepted_leaks.csv lets pass, each with the reason."""
    return {
        row["feature"]: row["reason"] for row in query(backend, "select feature, reason from config.accepted_leaks")
    }


def train_by_hand(backend: Backend, now: datetime, purpose: Purpose = NEW_BUSINESS) -> Training:
    """Train a challenger now, and promote it where it proves itself.

    Raises:
        UnknownModel: no run has built any examples yet.
        LeakageFound: the examples leak.
    """
    history, _ = checked_history(backend, purpose)
    _forget_failed_decisions(backend)
    champion = find_champion(backend, history, read_today(backend, purpose), purpose)
    return train_challenger(backend, history, champion, Decider(now, purpose=purpose), "asked for by hand")


def read_today(backend: Backend, purpose: Purpose = NEW_BUSINESS) -> Today:
    """The accounts to score that are like those of the history: of the cohort, or customers.

    Customers and open deals are scored for new business too, but beside a history without any they would always look
    like drift.
    """
    examples = read_table(backend, "features", "scoring_examples")
    wanted = is_customer(examples) if purpose == EXPANSION else pc.equal(examples["cohort"], pa.scalar("eligible"))
    return Today(examples.filter(wanted), read_metrics(backend, "scoring_examples"))


def is_customer(examples: pa.Table) -> pa.BooleanArray:
    """Of each scoring example, whether it is a customer that is not excluded for what it is."""
    buys_already = pc.equal(examples["customer__is_customer"], pa.scalar(1))
    return pc.and_(buys_already, pc.not_equal(examples["cohort"], pa.scalar("excluded")))


def read_metrics(backend: Backend, examples: str) -> pa.Table:
    """The signal metrics of exactly the (account, date) pairs of an examples table."""
    metrics = backend.table("account_signal_metrics", database="features")
    return metrics.semi_join(backend.table(examples, database="features"), ["account_id", "as_of_date"]).to_pyarrow()


def rules_in_use(backend: Backend, purpose: Purpose = NEW_BUSINESS) -> pa.Table:
    """The rows of seeds/scoring_rules.csv that belong to the purpose's preset in use."""
    (preset,) = query(backend, "select preset from config.rule_presets where in_use and purpose = ?", [purpose])
    return read_table(backend, "config", "scoring_rules", preset)


def setting(backend: Backend, name: str) -> str:
    """One value of seeds/settings.csv as the run loaded it."""
    return query(backend, "select value from config.settings where setting = ?", [name])[0]["value"]


def choose_model(backend: Backend, history: History, today: Today, decider: Decider) -> Choice:
    """Find the champion, look for drift, train a challenger where one is due, and say which model scores.

    Raises:
        DriftBlocks: the policy is block, and the run has drifted.
    """
    _forget_failed_decisions(backend)
    champion = find_champion(backend, history, today, decider.purpose)
    drift = measure_champion(champion, history, today) if champion else ()
    said = [drift_in_words(drift)] if drift else []
    policy = setting(backend, "drift_policy")
    if policy == "block" and overall(drift) == "drifted":
        raise DriftBlocks(
            f"{drift_in_words(drift)}. drift_policy is block: train on newer outcomes (`pql train`), mend the source, "
            "or set drift_policy to warn"
        )
    has_drifted = policy == "retrain" and overall(drift) == "drifted"
    why = why_train(backend, champion, history, has_drifted, decider.purpose)
    if why:
        training = train_challenger(backend, history, champion, decider, why)
        said.append(training_in_words(training, why))
    version, trouble = _serving(backend, history, today, decider)
    if trouble:
        said.append(trouble)
    return Choice(version, tuple(said), drift_table(champion.version if champion else version, drift))


def find_champion(
    backend: Backend, history: History, today: Today | None, purpose: Purpose = NEW_BUSINESS
) -> Champion | None:
    """The champion, opened and checked against what there is to score; None where there is none yet."""
    champions = champions_of(status_rows(backend, purpose))
    if not champions:
        return None
    version = champions[-1]
    try:
        model, manifest = open_stored(backend, version)
        if today is not None:
            require_features(model.encoding, today.examples, today.signal_metrics, history.signals)
    except (LookupError, TamperedModel, MissingFeature) as trouble:
        return Champion(version, None, str(trouble).strip("'"), {})
    return Champion(version, model, None, manifest)


def open_stored(backend: Backend, version: str) -> tuple[Model, Mapping[str, Any]]:
    """A stored model and its manifest, read only if untouched.

    Raises:
        LookupError: there is no such model.
        TamperedModel: it is not what was trained.
    """
    models = read_table(backend, "ml", "models", {"model_version": version})
    if any(column.null_count for column in models.columns):
        raise TamperedModel(f"model {version}: part of what was stored is gone")
    maps = read_table(backend, "ml", "calibration_maps", {"model_version": version})
    return register.load_model(models, maps, version), json.loads(models["manifest"][0].as_py())


def measure_champion(champion: Champion, history: History, today: Today) -> tuple[Drift, ...]:
    """Drift of the features and the score since the champion was trained, and how it did on outcomes known since."""
    model = champion.model
    if model is None or champion.until is None:
        return ()
    known = labelled(_in_encoding(model, history))
    learned = known.rows(known.dates <= np.datetime64(champion.until)).thinned(COMPARED_ROWS)
    now = build_dataset(today.examples, today.signal_metrics, history.signals, model.encoding)
    found = measure_drift(learned, margins(model, learned), now, margins(model, now), history.horizon_days)
    later = known.rows(known.dates >= np.datetime64(champion.until + timedelta(days=history.horizon_days)))
    promised = champion.manifest["metrics"].get(model.rung, {})
    if promised.get("auc") is None or promised.get("auc_low") is None or not len(later.labels):
        return found
    since = measure_performance(
        margins(model, later), later.labels, later.account_ids, promised["auc"], promised["auc_low"]
    )
    return (*found, *since)


def why_train(
    backend: Backend, champion: Champion | None, history: History, drifted: bool, purpose: Purpose = NEW_BUSINESS
) -> str | None:
    """Why a model is trained now; None where none is due.

    Time is told by the examples, not by the clock: a run that is repeated decides the same.
    """
    if champion is None:
        return "there was no model"
    if champion.model is not None and champion.model.rung == register.RULES:
        return "nothing could be learned before"
    if champion.model is not None and champion.manifest["horizon_days"] != history.horizon_days:
        return f"horizon_days is {history.horizon_days}, and was {champion.manifest['horizon_days']}"
    if drifted:
        return "today's accounts have drifted"
    newest = _newest_training(backend, purpose)
    if newest is None:
        return None
    code, until, options = newest
    known = labelled(history.dataset).dates
    every = timedelta(days=int(setting(backend, "retrain_every_days")))
    if len(known) and known.max().astype(object) >= until + every:
        return f"outcomes up to {known.max()} are known; the last training knew those up to {until}"
    if code != register.code_hash():
        return "this version of pql trains differently"
    asked_otherwise = options != options_to_json(history.options)
    if asked_otherwise and version_trained_before(backend, history) is None:  # changed back, it is there already
        return "segments.csv or recency_half_life_days has changed"
    return None


def weighed_rules(backend: Backend, history: History, version: str) -> pa.Table:
    """`ml.rule_lift` without its run: each rule against outcomes, and against what the model learned of its signal."""
    rules = read_rules(history.scoring_rules)
    encoding = rules_encoding(rules, history.examples, history.signal_metrics, history.signals)
    dataset = build_dataset(history.examples, history.signal_metrics, history.signals, encoding)
    known = labelled(dataset).thinned(WEIGHED_ROWS)
    model, _ = open_stored(backend, version)
    if model.rung == register.RULES:
        return rule_lift(rules, known, None)
    own = labelled(_in_encoding(model, history)).thinned(WEIGHED_ROWS)
    points = model.scale.factor * by_signal(explained(model, own).contributions, own.encoding)
    return rule_lift(rules, known, Learned(tuple(signals_of(own.encoding)), points))


def train_challenger(
    backend: Backend, history: History, champion: Champion | None, decider: Decider, why: str
) -> Training:
    """Train the model that the data and code give, judge it where it is new, and write down what was decided."""
    known_before = {row["model_version"] for row in status_rows(backend, decider.purpose)}
    stored = version_trained_before(backend, history)
    if stored and stored in known_before:
        model, _ = open_stored(backend, stored)
        is_champion = champion is not None and champion.version == stored
        reason = (
            "it is the champion" if is_champion else f"it is known: {_last_reason(backend, stored, decider.purpose)}"
        )
        return Training(stored, model.rung, is_new=False, promoted=False, reason=reason)
    trained = train_on(history, decider.now)
    version, rung = keep_model(backend, trained), trained.record.rung
    if champion is not None and champion.version == version:
        if champion.model is None:
            _decide(backend, decider, [(version, CHAMPION, "trained again from the same data: the same model, whole")])
        return Training(version, rung, is_new=False, promoted=False, reason="it is the champion")
    promoted, reason = _judge(history, champion, trained, decider)
    _decide(backend, decider, [(version, CHAMPION if promoted else CHALLENGER, f"{why}; {reason}")])
    return Training(version, rung, is_new=version not in known_before, promoted=promoted, reason=reason)


def training_in_words(training: Training, why: str) -> str:
    """A line for whoever watches."""
    what = "champion now" if training.promoted else "not promoted"
    return f"trained {training.model_version} because {why}; {what}: {training.reason}"


def promote(backend: Backend, version: str, decider: Decider) -> str:
    """Make a stored model champion by hand; returns the version that was champion before.

    Raises:
        UnknownModel: no such model is stored, or it is champion already.
        TamperedModel: it is not what was trained.
    """
    _forget_failed_decisions(backend)
    stored = stored_versions(backend)
    if version not in stored:
        raise UnknownModel(f"no model '{version}' is stored; there are {', '.join(stored) or 'none'}")
    decider = replace(decider, purpose=purpose_of(backend, version))
    champions = champions_of(status_rows(backend, decider.purpose))
    if champions and champions[-1] == version:
        raise UnknownModel(f"model {version} is champion already")
    open_stored(backend, version)
    _decide(backend, decider, [(version, CHAMPION, "promoted by hand")])
    return champions[-1] if champions else "none"


def roll_back(backend: Backend, decider: Decider) -> tuple[str, str]:
    """Go back to the champion before this one; returns the versions left and taken.

    Raises:
        UnknownModel: there was no champion before.
        TamperedModel: the one before is not what was trained.
    """
    _forget_failed_decisions(backend)
    champions = champions_of(status_rows(backend, decider.purpose))
    if len(champions) < 2:
        raise UnknownModel("there is no champion before this one to go back to")
    left, taken = champions[-1], champions[-2]
    open_stored(backend, taken)
    _decide(
        backend,
        decider,
        [(left, ROLLED_BACK, "rolled back by hand"), (taken, CHAMPION, f"back in place of {left}, by hand")],
    )
    return left, taken


def backtest(
    backend: Backend,
    history: History,
    months: int,
    now: datetime,
    progress: Callable[[date], None],
    purpose: Purpose = NEW_BUSINESS,
) -> tuple[str, list[Backtest]]:
    """Backtest the recipe by month and keep the figures with the model that the same data and code give.

    Raises:
        UnknownModel: no run has stored a model yet.
    """
    champions = champions_of(status_rows(backend, purpose))
    version = version_trained_before(backend, history) or (champions or [None])[-1]
    if version is None:
        raise UnknownModel("there is no model yet; `pql run` or `pql train` makes one")
    figures: list[Backtest] = []
    for day, of_day in backtest_by_month(history, months, now):
        progress(day)
        figures += of_day
    rows = register.versioned_backtests(version, figures)
    backend.con.execute(
        "delete from ml.backtests where model_version = ? and starts_with(model_name, ?)", [version, f"{RECIPE}_"]
    )
    append_rows(backend, "ml", "backtests", rows)
    return version, figures


def status_rows(backend: Backend, purpose: Purpose = NEW_BUSINESS) -> list[dict[str, Any]]:
    """Every decision about models of a purpose that counts, in order."""
    if not has_table(backend, "ml", "model_status"):
        return []
    rows = query(
        backend,
        """
        select statuses.* from ml.model_status as statuses
        left join publishing.runs as runs on statuses.deciding_run = runs.run_id
        where statuses.deciding_run is null or runs.status in ('running', 'published', 'unchanged')
        order by statuses.position
        """,
    )
    return [row for row in rows if (row.get("purpose") or NEW_BUSINESS) == purpose]


def purpose_of(backend: Backend, version: str) -> Purpose:
    """What a model is for; one that nothing was decided about yet is taken for one of new business."""
    of_customers = {row["model_version"] for row in status_rows(backend, EXPANSION)}
    return EXPANSION if version in of_customers else NEW_BUSINESS


def champions_of(rows: list[dict[str, Any]]) -> list[str]:
    """The champions one after the other, those that were rolled back left out; the last one is champion."""
    champions: list[str] = []
    for row in rows:
        if row["status"] == CHAMPION and row["model_version"] not in champions[-1:]:
            champions.append(row["model_version"])
        elif row["status"] == ROLLED_BACK and champions[-1:] == [row["model_version"]]:
            champions.pop()
    return champions


def stored_versions(backend: Backend) -> list[str]:
    """Every stored model, oldest first."""
    if not has_table(backend, "ml", "models"):
        return []
    rows = query(backend, "select model_version from ml.models order by trained_at, model_version")
    return [row["model_version"] for row in rows]


def version_trained_before(backend: Backend, history: History) -> str | None:
    """The model that the same examples, horizon, options and code gave before; None where it has yet to be trained.

    Only learned models are kept so: the rules rung also depends on scoring_rules.csv, and costs nothing to repeat.
    One that was tampered with is none: it is trained again.
    """
    if not has_table(backend, "ml", "models"):
        return None
    rows = query(
        backend,
        "select model_version from ml.models where rung <> ? and data_hash = ? and code_hash = ? order by trained_at",
        [register.RULES, register.data_hash(labelled(history.dataset)), register.code_hash()],
    )
    for row in rows:
        try:
            _, manifest = open_stored(backend, row["model_version"])
        except (LookupError, TamperedModel):
            continue
        asked = (manifest["horizon_days"], manifest["options"])
        if asked == (history.horizon_days, options_to_json(history.options)):
            return row["model_version"]
    return None


def keep_model(backend: Backend, trained: TrainedModel) -> str:
    """Store a model, unless this very one is stored untouched: then its first training date stands."""
    version = trained.record.model_version
    if not _is_stored(backend, version):
        tables = {
            "models": register.models_table(trained),
            "calibration_maps": register.calibration_table(trained),
            "backtests": register.backtests_table(trained),
            "signal_weights": register.signal_weights_table(trained),
            "ladder": register.ladder_table(trained),
            "segments": register.segments_table(trained),
            "judged_accounts": register.judged_accounts_table(trained),
        }
        replace_rows(backend, "ml", tables, "model_version", version)
    return version


def _is_stored(backend: Backend, version: str) -> bool:
    if version not in stored_versions(backend):
        return False
    try:
        open_stored(backend, version)
    except (LookupError, TamperedModel):
        return False
    return True


def _serving(backend: Backend, history: History, today: Today, decider: Decider) -> tuple[str, str | None]:
    """The version that scores, and why it is not the champion where it is not."""
    champion = find_champion(backend, history, today, decider.purpose)
    assert champion is not None  # noqa: S101 - a run that found none has just trained the first
    decisions = status_rows(backend, decider.purpose)
    last = next(row for row in reversed(decisions) if row["model_version"] == champion.version)
    if champion.model is not None:
        if last["status"] == UNUSABLE:
            _decide(backend, decider, [(champion.version, CHAMPION, "usable again")])
        return champion.version, None
    reason = f"the champion cannot be used, the rules score instead: {champion.trouble}"
    if (last["status"], last["reason"]) != (UNUSABLE, reason):
        _decide(backend, decider, [(champion.version, UNUSABLE, reason)])
    rules = rules_only(history.dataset, history.scoring_rules, history.horizon_days, decider.now, reason)
    return keep_model(backend, rules), reason


def _judge(history: History, champion: Champion | None, trained: TrainedModel, decider: Decider) -> tuple[bool, str]:
    """Whether a new model becomes champion, and why.

    Training itself has weighed a learned model against the rules: one that follows the rules needs no second trial.
    """
    if champion is None:
        return True, "the first model"
    if champion.model is not None and champion.model.rung == register.RULES:
        return True, "the rules were champion until something could be learned"
    if champion.model is not None and champion.manifest["horizon_days"] != history.horizon_days:
        return True, "the champion answers another question"
    incumbent, until = champion.model, champion.until
    if incumbent is None:
        reason = "in place of a champion that cannot be used"
        incumbent = rules_only(history.dataset, history.scoring_rules, history.horizon_days, decider.now, reason).model
    verdict = judge_challenger(history, incumbent, until, trained)
    return verdict.promoted, verdict.reason


def _in_encoding(model: Model, history: History) -> Dataset:
    if history.dataset.encoding == model.encoding:
        return history.dataset
    return build_dataset(history.examples, history.signal_metrics, history.signals, model.encoding)


def _newest_training(backend: Backend, purpose: Purpose) -> tuple[str, date, Mapping[str, Any]] | None:
    """Code, newest training date and options of the last learned model that anything was decided about."""
    for row in reversed(status_rows(backend, purpose)):
        try:
            model, manifest = open_stored(backend, row["model_version"])
        except (LookupError, TamperedModel):
            continue
        if model.rung != register.RULES:
            return manifest["code_hash"], date.fromisoformat(manifest["as_of_to"]), manifest["options"]
    return None


def _last_reason(backend: Backend, version: str, purpose: Purpose) -> str:
    return next(row["reason"] for row in reversed(status_rows(backend, purpose)) if row["model_version"] == version)


def _decide(backend: Backend, decider: Decider, decisions: list[tuple[str, str, str]]) -> None:
    """Write (version, status, reason) down, all of them or none."""
    ensure_table(backend, "ml", "model_status", MODEL_STATUS)
    first = query(backend, "select coalesce(max(position), 0) + 1 as position from ml.model_status")[0]["position"]
    rows = [
        {
            "position": first + i,
            "model_version": version,
            "status": status,
            "since": decider.now.astimezone(UTC).replace(tzinfo=None),
            "decided_by": BY_RUN if decider.run_id else BY_HAND,
            "reason": reason,
            "deciding_run": decider.run_id,
            "purpose": decider.purpose,
        }
        for i, (version, status, reason) in enumerate(decisions)
    ]
    append_rows(backend, "ml", "model_status", pa.Table.from_pylist(rows, schema=MODEL_STATUS))


def _forget_failed_decisions(backend: Backend) -> None:
    if has_table(backend, "ml", "model_status"):
        backend.con.execute(
            """
            delete from ml.model_status
            where deciding_run in (select run_id from publishing.runs where status = 'failed')
            """
        )
