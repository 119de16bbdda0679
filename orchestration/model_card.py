"""The model card: what a model is, how good it was on later accounts, what moves it, what it cannot do.

One HTML file with its pictures inside, for whoever has to trust the scores. shap and matplotlib: the extra `cards`.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa

from ml import arrow, register
from ml.arrow import Floats, Integers, Texts
from ml.backtest import History
from ml.dataset import build_dataset, labelled
from ml.evaluate import account_draws
from ml.intervals import wilson
from ml.leaks import LeakReport, told
from ml.register import Model
from ml.scale import to_score
from ml.score import explained
from orchestration.models import EXPANSION, NEW_BUSINESS, Purpose, champions_of, open_stored, purpose_of, status_rows
from warehouse.connection import Backend
from warehouse.tables import has_table, query, read_table

EXPLAINED_ROWS = 2_000  # a beeswarm of more is a blot
SHOWN_FEATURES, DEPENDENCE_PLOTS = 15, 4
BINS, RESAMPLES, SEED = 10, 200, 17
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-top: 1px solid #d7dde5; padding-top: 1rem; }
table { border-collapse: collapse; margin: .5rem 0; } th, td { padding: .2rem .9rem .2rem 0; text-align: left; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; } th { color: #5b6776; font-weight: 600; }
img { max-width: 100%; } .lead { color: #5b6776; } .warn { background: #fff3d6; padding: .6rem .9rem; }
"""

RANKED: Mapping[Purpose, str] = {
    NEW_BUSINESS: "accounts by the chance that a deal is won",
    EXPANSION: "customers by the chance that they buy more",
}
UNJUDGED = "<p>Nothing was judged on later accounts: these are rules, or the model is older than such records.</p>"


class CardsMissing(RuntimeError):  # noqa: N818 - the name says what is wrong
    """matplotlib or shap is not installed."""


@dataclass(frozen=True)
class Facts:
    """What is stored of a model."""

    version: str
    purpose: Purpose
    rung: str
    trained_at: datetime
    status: str
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    decisions: tuple[Mapping[str, Any], ...]
    backtests: tuple[Mapping[str, Any], ...]
    weights: tuple[Mapping[str, Any], ...]
    drift: tuple[Mapping[str, Any], ...]
    bands: Mapping[str, float]
    judged: pa.Table | None


@dataclass(frozen=True)
class Judged:
    """The newest slice: what the recipe said of its accounts before it knew what became of them."""

    first_day: str
    last_day: str
    margins: Floats
    probabilities: Floats
    scores: Floats
    labels: Floats
    accounts: Texts


def read_facts(backend: Backend, version: str | None = None) -> Facts:
    """Everything stored of a model, of the champion where none is named.

    Raises:
        LookupError: there is no such model.
        TamperedModel: it is not what was trained.
    """
    purpose = NEW_BUSINESS if version is None else purpose_of(backend, version)
    rows = status_rows(backend, purpose)
    champions = champions_of(rows)
    if version is None and not champions:
        raise LookupError("there is no model yet; `pql run` makes one")
    version = version or champions[-1]
    model, manifest = open_stored(backend, version)
    stored = query(backend, "select trained_at, metrics from ml.models where model_version = ?", [version])[0]
    of_model = [row for row in rows if row["model_version"] == version]
    status = (
        "champion" if champions[-1:] == [version] else of_model[-1]["status"] if of_model else "for dormant accounts"
    )
    return Facts(
        version=version,
        purpose=purpose,
        rung=model.rung,
        trained_at=stored["trained_at"],
        status=status,
        manifest=manifest,
        metrics=json.loads(stored["metrics"]),
        decisions=tuple(of_model),
        backtests=tuple(
            query(
                backend,
                "select * from ml.backtests where model_version = ? order by test_from, slice, model_name, metric",
                [version],
            )
        ),
        weights=tuple(
            query(backend, "select * from ml.signal_weights where model_version = ? order by rank limit 15", [version])
        ),
        drift=tuple(_newest_drift(backend, version)),
        bands={
            row["grade"]: float(row["minimum_score"])
            for row in query(
                backend, "select grade, minimum_score from config.bands where segment is null order by grade"
            )
        },
        judged=(
            read_table(backend, "ml", "judged_accounts", {"model_version": version})
            if has_table(backend, "ml", "judged_accounts")
            else None
        ),
    )


def in_short(facts: Facts) -> str:
    """The card in Markdown, for Dagster: without pictures, and without training anything."""
    lines = [f"**{facts.version}** ({_rung(facts)}), {facts.status}", "", _learned_from(facts), ""]
    lines += ["| model | AUC | average precision | calibration error |", "|---|---|---|---|"]
    for name, figures in _judged_models(facts).items():
        cells = (_figure(figures.get(key)) for key in ("auc", "average_precision", "calibration_error"))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    drifted = sorted({row["feature"] for row in facts.drift if row["verdict"] == "drifted"})
    lines += ["", f"Drifted: {', '.join(drifted) or 'nothing'}."]
    return "\n".join(lines)


def model_card(facts: Facts, model: Model, history: History, leaks: LeakReport, now: datetime) -> str:
    """The card as one HTML page.

    Args:
        facts: what is stored.
        model: the same model, opened.
        history: what there is to learn from now, to explain the model on.
        leaks: what the gates saw of it.
        now: the day of the card.

    Raises:
        CardsMissing: the extra `cards` is not installed.
    """
    require_cards()
    judged = _judged(facts, model)
    parts = [
        _head(facts, now),
        _section("What it learned from", _learned_from_html(facts)),
        _section("How good it is on later accounts", _curves(judged) if judged else UNJUDGED),
        *_grades(facts, judged),
        _section("Month by month", _months(facts)),
        _section("Which models were compared", _ladder(facts)),
        _section("What moves the score", _explanations(facts, model, history)),
        _section("Is today like then?", _drift(facts)),
        _section("Leak gates", _leaks(leaks)),
        _section("Decisions", _decisions(facts)),
        _section("Known limits", _limits(facts, judged)),
    ]
    title = f"Model card {facts.version}"
    return f"<!doctype html><meta charset=utf-8><title>{escape(title)}</title><style>{STYLE}</style>" + "".join(parts)


def require_cards() -> None:
    """Check that pictures can be made.

    Raises:
        CardsMissing: says what to install.
    """
    try:
        import matplotlib  # noqa: F401
        import shap  # noqa: F401
    except ImportError as error:
        raise CardsMissing(f"{error}. Model cards need the extra `cards`: pip install 'pql-scoring[cards]'") from error


def _judged(facts: Facts, model: Model) -> Judged | None:
    if facts.judged is None or not facts.judged.num_rows:
        return None
    rows = facts.judged.sort_by([("as_of_date", "ascending"), ("account_id", "ascending")])
    margins, days = arrow.numbers(rows, "margin"), rows["as_of_date"]
    return Judged(
        first_day=str(days[0].as_py()),
        last_day=str(days[-1].as_py()),
        margins=margins,
        probabilities=arrow.numbers(rows, "probability"),
        scores=to_score(model.scale, margins).astype(np.float64),
        labels=arrow.numbers(rows, "is_won"),
        accounts=arrow.texts(rows, "account_id"),
    )


def _newest_drift(backend: Backend, version: str) -> list[dict[str, Any]]:
    if not has_table(backend, "ml", "drift"):
        return []
    return query(
        backend,
        """
        select drift.* from ml.drift as drift
        inner join publishing.runs as runs on drift.run_id = runs.run_id
        where drift.model_version = ?
        qualify runs.started_at = max(runs.started_at) over ()
        """,
        [version],
    )


def _head(facts: Facts, now: datetime) -> str:
    warning = ""
    if facts.rung == register.RULES:
        reason = facts.manifest.get("reason") or "nothing could be learned"
        warning = f'<p class="warn">This is no learned model: the rules score, because {escape(str(reason))}.</p>'
    return (
        f"<h1>{escape(facts.version)}</h1><p class=lead>{escape(_rung(facts))}, {escape(facts.status)}. "
        f"Trained {facts.trained_at:%Y-%m-%d}, {(now.replace(tzinfo=None) - facts.trained_at).days} days before "
        f"this card of {now:%Y-%m-%d}.</p>{warning}"
        f"<p>It ranks {RANKED[facts.purpose]} within {facts.manifest['horizon_days']} days.</p>"
    )


def _learned_from(facts: Facts) -> str:
    manifest = facts.manifest
    if not manifest.get("as_of_to"):
        return "It learned from no example."
    return (
        f"Learned from {manifest['rows']:,} past looks at accounts, as of {manifest['as_of_from']} to "
        f"{manifest['as_of_to']}; {manifest['won_accounts']:,} accounts won within {manifest['horizon_days']} days."
    )


def _learned_from_html(facts: Facts) -> str:
    notes = "".join(f"<li>{escape(str(note))}</li>" for note in facts.manifest.get("notes", []))
    features = len(facts.manifest.get("features", []))
    hashes = f"data {facts.manifest['data_hash'][:12]}, code {facts.manifest['code_hash'][:12]}"
    return f"<p>{escape(_learned_from(facts))} {features} features.</p><p class=lead>{hashes}</p><ul>{notes}</ul>"


def _curves(judged: Judged) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_gains(left, judged)
    _draw_calibration(right, judged)
    first, last = judged.first_day, judged.last_day
    period = first if first == last else f"{first} to {last}"
    return (
        f"<p>{len(judged.labels):,} accounts as of {period}, {int(judged.labels.sum()):,} of them won. They were "
        "scored by the same recipe, trained only on what was known one horizon before; bands hold 95 of 100 resamples."
        f"</p>{_picture(figure)}"
    )


def _draw_gains(axes: Any, judged: Judged) -> None:
    shares = np.linspace(0, 1, 101)
    curve = _gains(judged.margins, judged.labels, np.ones(len(judged.labels)), shares)
    drawn = _resampled(judged, lambda weights: _gains(judged.margins, judged.labels, weights, shares))
    axes.fill_between(100 * shares, *(100 * np.nanquantile(drawn, [0.025, 0.975], axis=0)), alpha=0.25, color="#2a6fbb")
    axes.plot(100 * shares, 100 * curve, color="#2a6fbb")
    axes.plot([0, 100], [0, 100], color="#9aa5b1", linestyle=":")
    axes.set(title="Of all wins, how many are in the best …", xlabel="% of accounts", ylabel="% of wins")


def _gains(margins: Floats, labels: Floats, weights: Floats, shares: Floats) -> Floats:
    order = np.argsort(-margins, kind="stable")
    rows, won = np.cumsum(weights[order]), np.cumsum((weights * labels)[order])
    if not won[-1]:
        return np.full(len(shares), np.nan)
    return np.interp(shares, np.concatenate([[0], rows / rows[-1]]), np.concatenate([[0], won / won[-1]]))


def _draw_calibration(axes: Any, judged: Judged) -> None:
    axes.set(title="Promised and observed", xlabel="promised, %", ylabel="observed, %")
    promised = judged.probabilities
    groups = [group for group in np.array_split(np.argsort(promised, kind="stable"), BINS) if len(group)]
    observed = np.array([judged.labels[group].mean() for group in groups])
    low, high = np.transpose([_rate_interval(judged, group) for group in groups])
    x = np.array([promised[group].mean() for group in groups])
    distances = np.maximum(0, np.stack([observed - low, high - observed]))
    axes.errorbar(100 * x, 100 * observed, yerr=100 * distances, fmt="o", color="#2a6fbb", capsize=3)
    end = 100 * max(float(x.max()), float(high.max()), 1e-3)
    axes.plot([0, end], [0, end], color="#9aa5b1", linestyle=":")


def _rate_interval(judged: Judged, group: Integers) -> tuple[float, float]:
    """Wilson's 95 % interval of the share won; an account counts once, however many dates it was seen on."""
    accounts = len(np.unique(judged.accounts[group].astype(str)))
    won = round(accounts * float(judged.labels[group].mean()))
    return wilson(won / accounts, accounts)


def _resampled(judged: Judged, figure: Callable[[Floats], Floats]) -> Floats:
    """A figure on resamples of accounts: (resamples, whatever the figure gives)."""
    blocks = account_draws(judged.accounts, SEED, RESAMPLES)
    return np.stack([figure(weights) for block in blocks for weights in block])


def _grades(facts: Facts, judged: Judged | None) -> list[str]:
    """The section on grades; expansion scores have none."""
    if facts.purpose == EXPANSION:
        return []
    return [_section("Outcomes by grade", _bands(judged, facts.bands) if judged else UNJUDGED)]


def _bands(judged: Judged, bands: Mapping[str, float]) -> str:
    grades = sorted(bands, key=lambda grade: bands[grade])
    place = np.searchsorted([bands[grade] for grade in grades], judged.scores, side="right") - 1

    rows: list[Sequence[str]] = []
    for k in reversed(range(len(grades))):
        group = np.flatnonzero(place == k)
        if not len(group):
            rows.append((grades[k], "0", "–", "–", "–"))
            continue
        low, high = _rate_interval(judged, group)
        won = judged.labels[group]
        rows.append(
            (grades[k], f"{len(group):,}", f"{int(won.sum()):,}", f"{won.mean():.1%}", f"{low:.1%} to {high:.1%}")
        )
    return _table(("Grade", "Accounts", "Won", "Share won", "95 % interval"), rows, numbers=(1, 2, 3, 4))


def _months(facts: Facts) -> str:
    months = [row for row in facts.backtests if row["slice"].startswith("month_")]
    if not months:
        return "<p>Not run for this model yet: <code>pql backtest</code> does, and the next card shows it.</p>"
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.2), layout="constrained")
    axes = figure.subplots()
    auc = [row for row in months if row["metric"] == "auc" and row["value"] is not None]
    values = np.array([row["value"] for row in auc])
    interval = np.array([[row["value"] - row["value_low"], row["value_high"] - row["value"]] for row in auc]).T
    axes.errorbar([str(row["test_from"]) for row in auc], values, yerr=np.maximum(0, interval), fmt="o-", capsize=3)
    axes.axhline(0.5, color="#9aa5b1", linestyle=":")
    axes.set(ylabel="AUC", title="Trained one horizon earlier, judged on the accounts of each date")
    dates = sorted({row["test_from"] for row in months})
    by_date = {day: {row["metric"]: row for row in months if row["test_from"] == day} for day in dates}
    rows = [
        (
            str(day),
            next(iter(found.values()))["model_name"].removeprefix("recipe_").replace("_", " "),
            f"{next(iter(found.values()))['rows']:,}",
            f"{next(iter(found.values()))['positives']:,}",
            *(
                _figure(found[name]["value"] if name in found else None)
                for name in ("auc", "average_precision", "lift_at_10_percent", "calibration_error")
            ),
        )
        for day, found in by_date.items()
    ]
    heading = ("As of", "Model", "Accounts", "Won", "AUC", "Average precision", "Lift at 10 %", "Calibration error")
    return _picture(figure) + _table(heading, rows, numbers=range(2, 8))


def _ladder(facts: Facts) -> str:
    reason = f"<p>{escape(facts.manifest['reason'])}</p>" if facts.manifest.get("reason") else ""
    rungs = facts.manifest.get("ladder", [])
    return reason + (_rungs(rungs) if rungs else "") + _segments(facts) + _slices(facts)


def _rungs(rungs: Sequence[Mapping[str, Any]]) -> str:
    """The ladder, simplest first: what each rung reached on all later slices together, and why it was taken or not."""
    rows = [
        (
            rung["rung"].replace("_", " "),
            "served" if rung["is_chosen"] else "",
            _between(rung["auc"], rung["auc_low"], rung["auc_high"]),
            _figure(rung["average_precision"]),
            rung["reason"],
        )
        for rung in rungs
    ]
    return _table(("Rung", "", "AUC, all later slices", "Average precision", "Why"), rows, numbers=(2, 3))


def _segments(facts: Facts) -> str:
    """The segments asked for: who is corrected, how much better later accounts are ranked, and why not."""
    rows = [
        (
            one["segment"].replace("_", " "),
            "corrected" if one["is_corrected"] else "the whole",
            f"{one['won_accounts']:,}",
            _figure(one["average_precision"]),
            _figure(one["against"]),
            one["reason"],
        )
        for one in facts.manifest.get("segments", [])
    ]
    heading = ("Segment", "Scored by", "Won", "Average precision", "Without the correction", "Why")
    return _table(heading, rows, numbers=(2, 3, 4)) if rows else ""


def _slices(facts: Facts) -> str:
    slices: dict[tuple[str, str], dict[str, Any]] = {}
    for row in facts.backtests:
        if not row["slice"].startswith("month_") and row["model_name"] != "split":
            slices.setdefault((row["slice"], row["model_name"]), {})[row["metric"]] = row
    if not slices:
        return "<p>None was judged: there was too little to compare by.</p>"
    rows = [
        (
            part.replace("_", " "),
            name.replace("_", " "),
            f"{next(iter(found.values()))['test_from']}",
            _with_interval(found.get("auc")),
            _with_interval(found.get("average_precision")),
            _with_interval(found.get("calibration_error")),
        )
        for (part, name), found in slices.items()
    ]
    heading = ("Slice", "Model", "Accounts from", "AUC", "Average precision", "Calibration error")
    return _table(heading, rows, numbers=(3, 4, 5))


def _explanations(facts: Facts, model: Model, history: History) -> str:
    if facts.rung == register.RULES:
        return "<p>The rules in <code>scoring_rules.csv</code>, each with its points.</p>"
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    import shap

    own = build_dataset(history.examples, history.signal_metrics, history.signals, model.encoding)
    sample = labelled(own).thinned(EXPLAINED_ROWS)
    explanation = explained(model, sample)
    values = shap.Explanation(
        values=explanation.contributions,
        base_values=np.full(len(sample.X), explanation.base),
        data=sample.X,
        feature_names=[feature.name for feature in sample.encoding],
    )
    shap.plots.beeswarm(values, max_display=SHOWN_FEATURES, show=False)
    swarm = _picture(plt.gcf())
    plt.close("all")
    strongest = np.argsort(-np.abs(explanation.contributions).mean(axis=0), kind="stable")[:DEPENDENCE_PLOTS]
    figure, axes = plt.subplots(
        1, len(strongest), figsize=(4 * len(strongest), 3.4), layout="constrained", squeeze=False
    )
    for axis, j in zip(axes[0], strongest, strict=True):
        shap.plots.scatter(values[:, int(j)], ax=axis, show=False)
    dependence = _picture(figure)
    plt.close("all")
    weights = [
        (row["signal"], f"{row['share']:.1%}", {1: "up", -1: "down"}.get(row["direction"], "–"), f"{row['points']:.1f}")
        for row in facts.weights
    ]
    return (
        f"<p>Each dot is one of {len(sample.X):,} accounts: how far a feature moves its margin (log odds), red where "
        f"the feature is high. The shares are exact and add up to the margin.</p>{swarm}"
        f"<p>The strongest features by their value:</p>{dependence}"
        + _table(("Signal", "Share of what moves", "More of it", "Points, on average"), weights, numbers=(1, 3))
    )


def _drift(facts: Facts) -> str:
    if not facts.drift:
        return "<p>Not measured for this model: only the champion is, by every run.</p>"
    loud = sorted((row for row in facts.drift if row["verdict"] == "drifted"), key=lambda row: -row["value"])
    score = [row for row in facts.drift if row["feature"] == "score"]
    rows = [
        (
            row["feature"],
            row["measure"],
            *(_figure(row[key]) for key in ("value", "threshold", "usual")),
            row["verdict"],
        )
        for row in [*score, *(row for row in loud if row["feature"] != "score")][:20]
    ]
    features = len({row["feature"] for row in facts.drift}) - 1
    said = f"<p>{len({row['feature'] for row in loud})} of {features} features and the score have drifted.</p>"
    return said + _table(("Feature", "Measure", "Today", "By chance", "Usual", "Verdict"), rows, numbers=(2, 3, 4))


def _leaks(report: LeakReport) -> str:
    lines = [told(suspicion) for suspicion in report.suspicions[:5]]
    listed = "".join(f"<li>{escape(line)}</li>" for line in [*lines, *report.notes])
    return (
        f"<p>{len(report.suspicions)} features were checked for knowing the outcome before it happened; one that does "
        f"stops the training. The nearest ones, and what the gates could not see:</p><ul>{listed}</ul>"
    )


def _decisions(facts: Facts) -> str:
    rows = [
        (f"{row['since']:%Y-%m-%d %H:%M}", row["status"], row["decided_by"], row["reason"]) for row in facts.decisions
    ]
    return _table(("Since (UTC)", "Status", "By", "Why"), rows) if rows else "<p>None.</p>"


def _limits(facts: Facts, judged: Judged | None) -> str:
    limits = [
        "It knows what the product, the CRM and enrichment recorded, and nothing else of an account.",
        "It tells which accounts tend to buy, not what makes them buy: a signal that it rewards need not be a cause.",
        f"Its outcomes are {facts.manifest['horizon_days']} days old and more: of changes since, only drift tells.",
        "Accounts without recent activity are scored by the rules; none like them were learned from.",
    ]
    if judged is not None and judged.labels.sum() < 100:
        limits.append(f"Only {int(judged.labels.sum())} wins judge it: the intervals above are wide, and meant.")
    return "<ul>" + "".join(f"<li>{escape(limit)}</li>" for limit in limits) + "</ul>"


def _judged_models(facts: Facts) -> dict[str, Mapping[str, Any]]:
    return {name: figures for name, figures in facts.metrics.items() if isinstance(figures, dict)}


def _rung(facts: Facts) -> str:
    return facts.rung.replace("_", " ")


def _figure(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:.3f}"


def _with_interval(row: Mapping[str, Any] | None) -> str:
    return "–" if row is None else _between(row["value"], row["value_low"], row["value_high"])


def _between(value: float | None, low: float | None, high: float | None) -> str:
    return _figure(value) + ("" if low is None else f" ({_figure(low)} to {_figure(high)})")


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>{content}"


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    kinds = ["class=n" if i in numbers else "" for i in range(len(heading))]
    head = "".join(f"<th {kind}>{escape(text)}</th>" for kind, text in zip(kinds, heading, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td {kind}>{escape(str(text))}</td>" for kind, text in zip(kinds, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _picture(figure: Any) -> str:
    """The figure inside the page. Nothing of the time or the program goes with it, so a card can be compared."""
    content = BytesIO()
    figure.savefig(content, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}">'
