"""What the verbs about models show. Apart from the other screens, which need not wait for the model's libraries."""

import json
from collections.abc import Collection
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ml.register import RULES, Backtest, TamperedModel
from orchestration.models import EXPANSION, NEW_BUSINESS, Training, champions_of, open_stored, purpose_of, status_rows
from warehouse.connection import Backend
from warehouse.tables import has_table, query


def stored_models(backend: Backend) -> RenderableType:
    """Every stored model: rung, training, what it learned from, how good it was on later accounts, and its standing."""
    rows = (
        query(backend, "select * from ml.models order by trained_at desc, model_version")
        if has_table(backend, "ml", "models")
        else []
    )
    by_purpose = [status_rows(backend, purpose) for purpose in (NEW_BUSINESS, EXPANSION)]
    champions = {version for decisions in by_purpose for version in champions_of(decisions)[-1:]}
    decisions = sorted((row for rows in by_purpose for row in rows), key=lambda row: row["position"])
    table = Table(title="Models, newest first", title_justify="left", pad_edge=False)
    for heading in (
        "Version",
        "For",
        "Rung",
        "Trained (UTC)",
        "Learned from",
        "Won",
        "AUC",
        "Average precision",
        "Standing",
    ):
        table.add_column(heading, justify="right" if heading in ("Won", "AUC", "Average precision") else "left")
    for row in rows:
        standing, style = _standing(backend, row["model_version"], row["rung"], champions, decisions)
        table.add_row(
            row["model_version"],
            purpose_of(backend, row["model_version"]).replace("_", " "),
            _rung_and_segments(backend, row),
            f"{row['trained_at']:%Y-%m-%d %H:%M}",
            *_learned_and_judged(backend, row),
            Text(standing, style=style),
        )
    last = decisions[-1] if decisions else None
    said = (
        f"Last decision, by {last['decided_by']}: {last['model_version']} {last['status']}: {last['reason']}"
        if last
        else ""
    )
    return Group(table, Text(said, style="dim"))


def _standing(
    backend: Backend, version: str, rung: str, champions: Collection[str], decisions: list[dict[str, Any]]
) -> tuple[str, str]:
    of_model = [row for row in decisions if row["model_version"] == version]
    try:
        open_stored(backend, version)
    except (LookupError, TamperedModel):
        return "cannot be used: it is not what was trained", "bold red"
    if version in champions:
        usable = of_model[-1]["status"] == "champion"
        return ("champion", "green") if usable else ("champion, cannot be used: the rules score", "bold red")
    if not of_model:
        return ("scores dormant accounts" if rung == RULES else "older than the first decision"), "dim"
    last = of_model[-1]["status"]
    return ("champion before" if last in ("champion", "unusable") else last), "dim"


def _rung_and_segments(backend: Backend, row: dict[str, Any]) -> str:
    """The rung, and the segments that it is corrected for."""
    rung = row["rung"].replace("_", " ")
    try:
        model, _ = open_stored(backend, row["model_version"])
    except (LookupError, TamperedModel):
        return rung
    corrected = [one.segment.name for one in model.fitted.corrections] if model.fitted else []
    return ", ".join([rung, *(f"{name} apart" for name in corrected)])


def _learned_and_judged(backend: Backend, row: dict[str, Any]) -> tuple[str, str, str, str]:
    """Cells of what a model learned from and how good it was; dashes where it is not what was trained."""
    try:
        _, manifest = open_stored(backend, row["model_version"])
    except (LookupError, TamperedModel):
        return "–", "–", "–", "–"
    figures = json.loads(row["metrics"]).get(row["rung"]) or {}
    period = f"{manifest['as_of_from']} to {manifest['as_of_to']}" if manifest["as_of_to"] else "nothing"
    auc, precision = (_figure(figures.get(name)) for name in ("auc", "average_precision"))
    return period, f"{manifest['won_accounts']:,}", auc, precision


def training(found: Training) -> RenderableType:
    """What came of a training asked for by hand."""
    style = "green" if found.promoted else ""
    outcome = "Promoted: it scores from the next `pql run` on." if found.promoted else "Not promoted."
    known = "new" if found.is_new else "known already"
    lines = [
        Text(f"Model {found.model_version} ({found.rung.replace('_', ' ')}), {known}"),
        Text(outcome, style=style),
        Text(f"Why: {found.reason}"),
    ]
    return Group(*lines)


def backtest_by_month(version: str, figures: list[Backtest]) -> RenderableType:
    """The recipe month by month."""
    table = Table(title=f"Backtest by month, kept with {version}", title_justify="left", pad_edge=False)
    names = ("auc", "average_precision", "lift_at_10_percent", "calibration_error")
    for heading in (
        "As of",
        "Trained on",
        "Model",
        "Accounts",
        "Won",
        "AUC (95 %)",
        "Average precision",
        "Lift",
        "Error",
    ):
        table.add_column(heading, justify="left" if heading in ("As of", "Trained on", "Model") else "right")
    for day in sorted({figure.test_from for figure in figures}):
        of_day = {figure.metric: figure for figure in figures if figure.test_from == day}
        auc = of_day["auc"]
        table.add_row(
            str(day),
            f"{auc.train_from} to {auc.train_to}",
            auc.model_name.removeprefix("recipe_").replace("_", " "),
            f"{auc.rows:,}",
            f"{auc.positives:,}",
            f"{auc.value:.3f} ({auc.value_low:.3f} to {auc.value_high:.3f})",
            *(_figure(of_day[name].value if name in of_day else None) for name in names[1:]),
        )
    return table if figures else Text("No date has outcomes and anything to learn from one horizon before it.")


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
