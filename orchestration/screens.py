"""What the `pql` verbs show: tables and bars for the terminal, read from the published file."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import zip_longest
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ingest.exports import BackfillSummary
from ingest.files import ImportSummary
from ingest.loader.load import SegmentSummary
from orchestration.doctor import Finding
from orchestration.forgetting import Forgetting
from orchestration.identity_diff import Difference
from orchestration.identity_explanation import Explanation, Tie
from orchestration.metrics_on_demand import Metrics
from warehouse.connection import Backend
from warehouse.tables import has_table, query

BAR_WIDTH = 24
SHOWN_SIGNALS = 12
SHOWN_TIES = 20
LIFT_TITLES = {
    "first_7_days": "The first 7 days: who shows it, converters against the rest",
    "first_14_days": "The first 14 days: who shows it, converters against the rest",
    "last_30_days": "The 30 days before a deal: who shows it, converters against the rest",
}
CAUSES = {
    "behaviour": "what was done since",
    "decay": "time passing",
    "late_data": "facts of before that arrived late, and corrections",
    "identity": "people and organisations that turned out to belong to it",
    "enrichment": "what became known of who it is",
    "model": "another model",
}
# Customers are not among them: they are ranked by the chance that they buy more, and worked by customer success.
WORKED_BY_SALES = """
    scores.account_scores as scores
    inner join identity.accounts as accounts on scores.account_id = accounts.account_id
    inner join activation.plays as plays
        on scores.account_id = plays.account_id and plays.play <> 'none' and scores.stage <> 'expansion_ready'
"""
BEST_FIRST = "scores.score desc, scores.margin desc, scores.account_id"
FIRST_REASONS = """
    select account_id, min_by(label, rank) as label
    from {contributions}
    where direction = 'up'
    group by account_id
"""
LEVEL_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}


class UnknownAccount(LookupError):  # noqa: N818 - the name says what is wrong
    """No published account answers to what was asked for."""


class NotPublished(LookupError):  # noqa: N818 - the name says what is wrong
    """What is asked for is not in the published file: an older version of the job wrote it."""


class TimeWindow(StrEnum):
    """The windows of `reporting.signal_lift`."""

    FIRST_7_DAYS = "first_7_days"
    FIRST_14_DAYS = "first_14_days"
    LAST_30_DAYS = "last_30_days"


def top_accounts(backend: Backend, count: int) -> RenderableType:
    """The best accounts that sales may work: score, grade, confidence, first reason, play."""
    rows = query(
        backend,
        f"""
        select
            accounts.name, scores.score, scores.grade, scores.confidence_pct, scores.score_basis,
            plays.play, reasons.label
        from {WORKED_BY_SALES}
        left join ({FIRST_REASONS.format(contributions="scores.signal_contributions")}) as reasons
            on scores.account_id = reasons.account_id
        order by {BEST_FIRST}
        limit ?
        """,  # noqa: S608 - the texts are ours
        [count],
    )
    table = Table(title=f"Top {len(rows)} accounts", title_justify="left", pad_edge=False)
    for heading in ("Account", "Score", "Grade", "Confidence", "First reason", "Play"):
        table.add_column(heading, justify="right" if heading in ("Score", "Confidence") else "left")
    for row in rows:
        confidence = "–" if row["confidence_pct"] is None else f"{row['confidence_pct']} %"
        table.add_row(row["name"], str(row["score"]), row["grade"], confidence, row["label"] or "–", row["play"])
    basis = rows[0]["score_basis"] if rows else "nothing"
    return Group(table, Text(f"Scores are based on: {basis.replace('_', ' ')}", style="dim"))


def top_customers(backend: Backend, count: int) -> RenderableType:
    """The customers most likely to buy more, for customer success: the score that says so, first reason, play.

    Raises:
        NotPublished: the published file is older than these tables.
    """
    if not has_table(backend, "scores", "expansion_scores"):
        raise NotPublished("the published run ranked no customers yet: `pql run` does")
    rows = query(
        backend,
        f"""
        select accounts.name, scores.score, reasons.label, plays.play
        from scores.expansion_scores as scores
        inner join identity.accounts as accounts on scores.account_id = accounts.account_id
        inner join activation.plays as plays on scores.account_id = plays.account_id
        left join ({FIRST_REASONS.format(contributions="scores.expansion_contributions")}) as reasons
            on scores.account_id = reasons.account_id
        where plays.play <> 'none' and scores.is_ready
        order by {BEST_FIRST}
        limit ?
        """,  # noqa: S608 - the texts are ours
        [count],
    )
    table = Table(title=f"Top {len(rows)} customers who may buy more", title_justify="left", pad_edge=False)
    for heading in ("Customer", "Expansion score", "First reason", "Play"):
        table.add_column(heading, justify="right" if heading == "Expansion score" else "left")
    for row in rows:
        table.add_row(row["name"], str(row["score"]), row["label"] or "–", row["play"])
    return table if rows else Text("No customer is ready to be asked for more.", style="dim")


def best_account(backend: Backend) -> str:
    """The name of the account at the top of the list."""
    rows = query(backend, f"select accounts.name from {WORKED_BY_SALES} order by {BEST_FIRST} limit 1")  # noqa: S608
    return rows[0]["name"] if rows else ""


def explanation(backend: Backend, wanted: str) -> Iterator[RenderableType]:
    """Everything behind one account's score, from the figure down to events and people.

    Raises:
        UnknownAccount: nobody, or more than one account, answers to the name.
    """
    account = find_account(backend, wanted)
    yield _headline(backend, account)
    yield _ledger(backend, account)
    yield _won_at_same_age(backend, account)
    yield _changes(backend, account)
    yield _next_actions(backend, account)
    yield _evidence(backend, account)
    yield _identity_path(backend, account)


def find_account(backend: Backend, wanted: str) -> dict[str, Any]:
    """The one published account with this id, name or domain, in any case.

    Raises:
        UnknownAccount: nobody, or more than one account, answers to it.
    """
    found = query(
        backend,
        """
        select accounts.*, scores.score
        from identity.accounts as accounts
        inner join scores.account_scores as scores on accounts.account_id = scores.account_id
        where lower(?) in (lower(accounts.account_id), lower(accounts.name), lower(accounts.domain))
        order by scores.score desc, accounts.account_id
        """,
        [wanted],
    )
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(f"{row['account_id']} ({row['kind']}, score {row['score']})" for row in found[:5])
        raise UnknownAccount(f"'{wanted}' is more than one account: {ids}. Ask by id.")
    similar = query(
        backend,
        """
        select accounts.name
        from identity.accounts as accounts
        inner join scores.account_scores as scores on accounts.account_id = scores.account_id
        order by jaro_winkler_similarity(lower(accounts.name), lower(?)) desc, accounts.name
        limit 3
        """,
        [wanted],
    )
    names = ", ".join(f"'{row['name']}'" for row in similar)
    raise UnknownAccount(f"no published account is called '{wanted}'. Close: {names}.")


def _headline(backend: Backend, account: dict[str, Any]) -> RenderableType:
    row = query(
        backend,
        """
        select scores.*, plays.play, plays.owner, plays.sla_hours, plays.reason as play_reason
        from scores.account_scores as scores
        inner join activation.plays as plays on scores.account_id = plays.account_id
        where scores.account_id = ?
        """,
        [account["account_id"]],
    )[0]
    title = f"{account['name']}  ({account['kind']}, {account['account_id']})"
    standing = f"above {row['percentile']} % of accounts, as of {row['as_of_date']}"
    intent, stage = row["intent_tier"].replace("_", " "), row["stage"].replace("_", " ")
    ready = "Ready" if row["is_ready"] else "Not ready"
    deadline = f" within {row['sla_hours']} h" if row["sla_hours"] else ""
    lines = [
        Text(title, style="bold"),
        Text(f"Score {row['score']} of 100, grade {row['grade']}, {standing}"),
        Text(_probability(row)),
        Text(f"{_band(row)}. {_rules(backend, row)}"),
        Text(f"Fit {_fit(row)}, intent {intent} ({row['intent_score']}), stage {stage}"),
        Text(f"{ready} for a call ({row['readiness_score']}): {row['readiness_reasons']}"),
        *_expansion(backend, account),
        Text(f"Play: {row['play']} by {row['owner']}{deadline}. {row['play_reason']}."),
    ]
    return Group(*lines)


def _band(row: dict[str, Any]) -> str:
    days, before = row["days_in_band"], row["previous_grade"]
    since = "since today" if not days else f"for {days} day{'s' if days != 1 else ''}"
    moved = f", {'up' if row['grade'] < before else 'down'} from {before}" if before else ""
    held = f"; the score alone would give {row['earned_grade']}" if row["earned_grade"] != row["grade"] else ""
    borders = f" (borders of {row['grade_segment']})" if row["grade_segment"] != "all" else ""
    return f"In grade {row['grade']}{borders} {since}{moved}{held}"


def _rules(backend: Backend, row: dict[str, Any]) -> str:
    groups = query(
        backend,
        "select rule_group, points, cap from ml.rule_points where account_id = ? and points <> 0 order by points desc",
        [row["account_id"]],
    )
    told = ", ".join(f"{group['rule_group']} {group['points']:g} of {group['cap']:g}" for group in groups)
    return f"By the rules {row['rule_points']:g} points ({row['rule_verdict']})" + (f": {told}" if told else "")


def _fit(row: dict[str, Any]) -> str:
    declared = row["fit_tier"] + (f" by profile {row['fit_profile']}" if row["fit_profile"] != "none" else "")
    missing = f", kept from the best by {row['missing_for_best']}" if row["missing_for_best"] else ""
    return f"{declared}{missing}; learned fit {row['learned_fit_tier']} ({row['fit_score']})"


def _expansion(backend: Backend, account: dict[str, Any]) -> Iterator[Text]:
    """Whether a customer may buy more; nothing of other accounts."""
    for row in query(backend, "select * from scores.expansion_scores where account_id = ?", [account["account_id"]]):
        chance = "" if row["probability"] is None else f", chance {row['probability']:.1%} that it buys more"
        ready = "ready to be asked" if row["is_ready"] else "not ready to be asked"
        basis = row["score_basis"].replace("_", " ")
        yield Text(f"{row['summary']} Above {row['percentile']} % of customers{chance}, by {basis}: {ready}")


def _changes(backend: Backend, account: dict[str, Any]) -> RenderableType:
    rows = query(
        backend,
        "select cause, points from scores.score_changes where account_id = ? order by abs(points) desc, cause",
        [account["account_id"]],
    )
    if not rows:
        return Text("The score has not moved since the run before, or there was none.", style="dim")
    table = Table(title="Why it moved since the run before", title_justify="left", pad_edge=False)
    table.add_column("Points", justify="right")
    table.add_column("By")
    for row in rows:
        table.add_row(f"{row['points']:+.1f}", CAUSES[row["cause"]])
    table.add_section()
    table.add_row(f"{sum(row['points'] for row in rows):+.1f}", "before rounding, and cut to 0 to 100")
    return table


def _next_actions(backend: Backend, account: dict[str, Any]) -> RenderableType:
    rows = query(
        backend,
        "select label, score, score_then, probability, probability_then from scores.next_best_actions "
        "where account_id = ? order by rank",
        [account["account_id"]],
    )
    if not rows:
        return Text("Nothing that somebody could bring about would raise the score.", style="dim")
    table = Table(title="What would raise it most, by the model's own numbers", title_justify="left", pad_edge=False)
    table.add_column("As much as won accounts use")
    table.add_column("Score", justify="right")
    table.add_column("Probability", justify="right")
    for row in rows:
        likelier = ""
        if row["probability_then"] is not None and row["probability"] is not None:
            likelier = f"{row['probability']:.1%} to {row['probability_then']:.1%}"
        table.add_row(row["label"], f"{row['score']} to {row['score_then']}", likelier)
    return table


def _probability(row: dict[str, Any]) -> str:
    basis = row["score_basis"].replace("_", " ")
    if row["probability"] is None:
        return f"No probability: the score counts points ({basis}); there are too few won deals to learn from"
    return (
        f"Chance of a won deal {row['probability']:.1%} "
        f"(between {row['probability_low']:.1%} and {row['probability_high']:.1%}), "
        f"confidence {row['confidence_pct']} %, by {basis}"
    )


def _ledger(backend: Backend, account: dict[str, Any]) -> RenderableType:
    rows = query(
        backend,
        "select signal, label, points, rank from scores.signal_contributions where account_id = ? order by rank",
        [account["account_id"]],
    )
    total = sum(row["points"] for row in rows)
    signals = [row for row in rows if row["rank"] > 0]
    shown, others = signals[:SHOWN_SIGNALS], signals[SHOWN_SIGNALS:]
    widest = max((abs(row["points"]) for row in shown), default=1.0) or 1.0
    table = Table(title="Why: points of each signal; they add up to the score", title_justify="left", pad_edge=False)
    table.add_column("Points", justify="right")
    table.add_column("")
    table.add_column("Signal")
    base = next(row for row in rows if row["rank"] == 0)
    table.add_row(f"{base['points']:+.1f}", "", Text(base["label"], style="dim"))
    for row in shown:
        length = round(BAR_WIDTH * abs(row["points"]) / widest)
        table.add_row(
            f"{row['points']:+.1f}", Text("█" * length, style="green" if row["points"] > 0 else "red"), row["label"]
        )
    if others:
        table.add_row(
            f"{sum(row['points'] for row in others):+.1f}", "", Text(f"{len(others)} smaller ones", style="dim")
        )
    table.add_section()
    table.add_row(f"{total:.1f}", "", "before rounding, and cut to 0 to 100")
    return table


def _won_at_same_age(backend: Backend, account: dict[str, Any]) -> RenderableType:
    rows = query(
        backend,
        "select * from scores.won_at_same_age where account_id = ? order by rank",
        [account["account_id"]],
    )
    compared = [row for row in rows if row["compared_with"] != "none"]
    if not compared:
        return Text("Too few accounts of this age were won to compare it with.", style="dim")
    table = Table(title="Beside accounts that were won later, at the same age", title_justify="left", pad_edge=False)
    table.add_column("Signal")
    for heading in ("Here", "Half of the won", "Middle half", "Won accounts"):
        table.add_column(heading, justify="right")
    for row in compared:
        nearly = ", of the next age" if row["compared_with"] == "neighbouring_age" else ""
        table.add_row(
            row["label"] + (" in 28 days" if row["is_counted"] else ""),
            f"{row['value']:.3g}",
            f"{row['won_median']:.3g} or more",
            f"{row['won_lower_quartile']:.3g} to {row['won_upper_quartile']:.3g}",
            f"{row['won_accounts']:,}{nearly}",
        )
    return table


def _evidence(backend: Backend, account: dict[str, Any]) -> RenderableType:
    rows = query(
        backend,
        """
        select evidence.signal, evidence.occurred_at, evidence.event_id, persons.name, persons.email
        from scores.score_evidence as evidence
        inner join scores.signal_contributions as contributions
            on evidence.account_id = contributions.account_id and evidence.signal = contributions.signal
        left join identity.persons as persons on evidence.person_id = persons.person_id
        where evidence.account_id = ?
        order by contributions.rank, evidence.occurred_at desc, evidence.event_id
        """,
        [account["account_id"]],
    )
    table = Table(title="Events behind the reasons, newest first", title_justify="left", pad_edge=False)
    for heading in ("Signal", "When (UTC)", "Who", "Event"):
        table.add_column(heading)
    previous = None
    for row in rows:
        table.add_row(
            row["signal"] if row["signal"] != previous else "",
            f"{row['occurred_at']:%Y-%m-%d %H:%M}",
            row["name"] or row["email"] or "somebody not known",
            Text(row["event_id"], style="dim"),
        )
        previous = row["signal"]
    return table


def _identity_path(backend: Backend, account: dict[str, Any]) -> RenderableType:
    organisation = query(
        backend,
        """
        select
            reach.node,
            reach.available_at,
            coalesce(string_agg(distinct edges.rule, ', ' order by edges.rule), 'alone') as rule
        from identity.organisation_reach as reach
        left join identity.organisation_edges as edges on reach.node = edges.left_node or reach.node = edges.right_node
        where reach.target = ?
        group by reach.node, reach.available_at
        order by reach.available_at, reach.node
        limit 12
        """,
        [account["account_id"]],
    )
    people = query(
        backend,
        """
        select
            coalesce(persons.name, persons.email, members.person_id) as person,
            members.matched_by, members.confidence, members.available_at, persons.identifiers
        from identity.account_members as members
        inner join identity.persons as persons on members.person_id = persons.person_id
        where members.account_id = ?
        order by members.available_at, members.person_id
        limit 12
        """,
        [account["account_id"]],
    )
    table = Table(title="How it was put together", title_justify="left", pad_edge=False)
    for heading in ("Known since", "What", "By"):
        table.add_column(heading)
    for row in organisation:
        table.add_row(f"{row['available_at']:%Y-%m-%d}", row["node"], row["rule"])
    if organisation:
        table.add_section()
    for row in people:
        what = f"{row['person']} ({row['identifiers']} identifier{'s' if row['identifiers'] != 1 else ''})"
        table.add_row(f"{row['available_at']:%Y-%m-%d}", what, f"{row['matched_by']}, {row['confidence']:.0%} sure")
    return table


def bands(backend: Backend) -> Iterator[RenderableType]:
    """How the grades did on later accounts, where their borders might lie, and what a week of sales work brings.

    Raises:
        NotPublished: the published file is older than these tables.
    """
    if not has_table(backend, "reporting", "band_review"):
        raise NotPublished("the published run reviewed no grades yet: `pql run` does")
    outcomes = query(backend, "select * from reporting.band_outcomes order by grade")
    if not outcomes:
        yield Text("Rules score, or nothing was judged on later accounts yet: there is nothing to review.")
        return
    yield _band_outcomes(outcomes)
    yield _band_review(query(backend, "select * from reporting.band_review order by segment <> 'all', segment, grade"))
    yield Text("Proposals for the quarterly review. Nothing applies them: edit bands.csv.", style="dim")
    plans = query(backend, "select * from reporting.sales_capacity order by expected_margin")
    if plans:
        yield _sales_capacity(plans)


def _band_outcomes(rows: list[dict[str, Any]]) -> RenderableType:
    table = Table(
        title="What became of later accounts, by the grade of their score", title_justify="left", pad_edge=False
    )
    for heading in ("Grade", "From", "Rows", "Won", "Rate", "95 % interval", "Lift"):
        table.add_column(heading, justify="left" if heading == "Grade" else "right")
    for row in rows:
        known = row["win_rate"] is not None
        table.add_row(
            row["grade"],
            str(row["minimum_score"]),
            f"{row['rows']:,}",
            f"{row['won_rows']:,}",
            f"{row['win_rate']:.1%}" if known else "–",
            f"{row['win_rate_low']:.1%} to {row['win_rate_high']:.1%}" if known else "–",
            f"{row['lift']:.1f}x" if row["lift"] is not None else "–",
        )
    return table


def _band_review(rows: list[dict[str, Any]]) -> RenderableType:
    table = Table(title="Where grades A and B might begin, by the last converters and others", title_justify="left")
    for heading in (
        "Accounts",
        "Grade",
        "Begins at",
        "Proposed",
        "90 % of resamples",
        "Converters",
        "Others",
        "Verdict",
    ):
        table.add_column(heading, justify="left" if heading in ("Accounts", "Grade", "Verdict") else "right")
    for row in rows:
        proposed = row["proposed_minimum"]
        table.add_row(
            row["segment"],
            row["grade"],
            str(row["minimum_score"]),
            "–" if proposed is None else f"{proposed}{'' if row['proposed_by'] == row['segment'] else ' (as all)'}",
            "–" if proposed is None else f"{row['proposed_low']} to {row['proposed_high']}",
            str(row["converters"]),
            str(row["others"]),
            row["verdict"],
        )
    return table


def _sales_capacity(rows: list[dict[str, Any]]) -> RenderableType:
    table = Table(title="A week of sales work (costs.csv)", title_justify="left", pad_edge=False)
    for heading in (
        "Plan",
        "Accounts",
        "Worked",
        "From score",
        "Wins to expect",
        "Margin to expect",
        "Against capacity",
    ):
        table.add_column(heading, justify="left" if heading == "Plan" else "right")
    for row in rows:
        table.add_row(
            row["plan"].replace("_", " "),
            str(row["accounts_listed"]),
            str(row["accounts_worked"]),
            str(row["cutoff_score"]),
            f"{row['expected_wins']:.1f}",
            f"{row['expected_margin']:,.0f}",
            "–" if row["gain_over_capacity"] is None else f"{row['gain_over_capacity']:+,.0f}",
        )
    return table


def signal_lift(backend: Backend, window: TimeWindow, count: int) -> RenderableType:
    """The signals that separate converters from the rest in a window, each at the threshold where it does so best.

    Raises:
        NotPublished: the published file is older than this table.
    """
    if not has_table(backend, "reporting", "signal_lift"):
        raise NotPublished("the published run compared no signals yet: `pql run` does")
    # The trend is known at few thresholds: that of the largest one that the signal's own reaches.
    rows = query(
        backend,
        """
        with trends as (
            select distinct signal, at_least, trend, changed_in, gap_before, gap_after
            from reporting.signal_lift_by_month
            where time_window = ?
        )

        select lift.*, trends.trend, trends.changed_in, trends.gap_before, trends.gap_after
        from reporting.signal_lift as lift
        left join trends on lift.signal = trends.signal and lift.at_least >= trends.at_least
        where lift.time_window = ? and lift.threshold_rank = 1
        qualify row_number() over (partition by lift.signal order by trends.at_least desc) = 1
        order by lift.rank
        """,
        [window, window],
    )
    converters = rows[0]["converters"] if rows else 0
    if not converters:
        return Text(f"Nobody converted after the {window.replace('_', ' ')} yet that could be compared.")
    table = Table(title=LIFT_TITLES[window], title_justify="left", pad_edge=False)
    for heading in ("Signal", "At least", "Converters", "Rest", "Lift", "Gap", "Alike", "95 % interval", "q", "Trend"):
        table.add_column(heading, justify="left" if heading in ("Signal", "Trend") else "right")
    for row in rows[:count]:
        style = ("green" if row["adjusted_gap"] > 0 else "red") if row["is_discovery"] else "dim"
        table.add_row(
            Text(row["label"] or row["signal"], style=style),
            str(row["at_least"]),
            f"{row['rate_converters']:.0%}",
            f"{row['rate_rest']:.0%}",
            "–" if row["lift"] is None else f"{row['lift']:.1f}x",
            _points(row["gap"]),
            _points(row["adjusted_gap"]),
            "–"
            if row["adjusted_gap"] is None
            else f"{_points(row['adjusted_gap_low'])} to {_points(row['adjusted_gap_high'])}",
            "–" if row["q_value"] is None else "< 0.001" if row["q_value"] < 0.001 else f"{row['q_value']:.3f}",
            _trend(row),
        )
    return Group(table, *_lift_notes(rows))


def _lift_notes(rows: list[dict[str, Any]]) -> Iterator[RenderableType]:
    row, discoveries = rows[0], sum(row["is_discovery"] for row in rows)
    yield Text(
        f"{row['converters']:,} converters, {row['rest']:,} others, {row['first_month']:%B %Y} to "
        f"{row['last_month']:%B %Y}; {row['undecided']:,} left out, whose outcome nobody knows yet. "
        f"{discoveries} of {len(rows)} signals are discoveries."
    )
    yield Text(
        "Gap in percentage points; alike: among accounts of the same month, kind and other activity. "
        "Not a cause: sales may work those who show it.",
        style="dim",
    )


def _points(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:+.0f}"


def _trend(row: dict[str, Any]) -> Text:
    if row["changed_in"] is None:
        return Text("")
    style, arrow = ("yellow", "↘") if row["trend"] == "decayed" else ("green", "↗")
    moved = f"{_points(row['gap_before'])} → {_points(row['gap_after'])}"
    return Text(f"{arrow} {row['trend']} in {row['changed_in']:%Y-%m}: {moved}", style=style)


def account_metrics(name: str, measured: Metrics) -> RenderableType:
    """Every metric of one account as of a date: first those of the account, then those of each signal it showed."""
    title = f"{name} as of {measured.as_of_date} ({measured.account_id})"
    if measured.account is None:
        return Text(f"{title}: nobody knew the account then.")
    table = Table(title=title, title_justify="left", pad_edge=False)
    for heading in ("Of", "Metrics"):
        table.add_column(heading)
    for subject, values in _by_subject(measured.account).items():
        table.add_row(subject, ", ".join(f"{metric} {_metric(value)}" for metric, value in values.items()))
    if not measured.signals:
        return Group(table, Text("It had shown no signal."))
    families = _families(measured.signals[0])
    windows = max(families.values(), key=len)
    title = (
        "Signals" if len(windows) < 2 else f"Signals; {'/'.join(map(_window, windows))} days where there are several"
    )
    signals = Table(title=title, title_justify="left", pad_edge=False)
    signals.add_column("Signal", no_wrap=True)
    signals.add_column("Metrics")
    for row in measured.signals:
        said = (
            f"{family if len(columns) > 1 else columns[0]} {'/'.join(_metric(row[column]) for column in columns)}"
            for family, columns in families.items()
            if family != "amount" or any(row[column] for column in columns)  # most signals carry none
        )
        signals.add_row(row["signal"], ", ".join(said))
    return Group(table, signals)


def _by_subject(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Columns named subject__metric, by subject."""
    subjects: dict[str, dict[str, Any]] = {}
    for column, value in row.items():
        if "__" in column:
            subject, metric = column.split("__", 1)
            subjects.setdefault(subject, {})[metric] = value
    return subjects


def _families(row: dict[str, Any]) -> dict[str, list[str]]:
    """Measures of a signal with the columns of their windows: `events_7d` and `events_28d` are both of `events`."""
    families: dict[str, list[str]] = {}
    for column in row:
        if column not in ("account_id", "as_of_date", "signal"):
            family = re.sub(r"_\d+d$", "", column)
            families.setdefault(family, []).append(column)
    return families


def _window(column: str) -> str:
    return column.rsplit("_", 1)[-1].removesuffix("d")


def _metric(value: Any) -> str:
    if value is None:
        return "–"
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def import_summary(summary: ImportSummary) -> RenderableType:
    """What an import did, by table, and why rows were refused."""
    table = Table(title=f"Imported as source '{summary.source}'", title_justify="left", pad_edge=False)
    for heading in ("Table", "Read", "New", "Unchanged", "Quarantined"):
        table.add_column(heading, justify="left" if heading == "Table" else "right")
    reasons: list[RenderableType] = []
    for part in summary.tables:
        quarantined = dict(part.quarantined)
        table.add_row(
            part.table,
            f"{part.rows_read:,}",
            f"{part.rows_new:,}",
            f"{part.rows_unchanged:,}",
            f"{sum(quarantined.values()):,}",
        )
        reasons += [
            Text(f"{part.table}: {count:,} rows quarantined: {reason}", style="yellow")
            for reason, count in quarantined.items()
        ]
    if reasons:
        reasons.append(Text("See backend.quarantine for file, line and content of each."))
    return Group(table, *reasons)


def backfill_summary(summary: BackfillSummary) -> RenderableType:
    """What an export held, and what the gate kept back."""
    kept_back = [
        f"{count:,} {reason}"
        for count, reason in (
            (summary.without_consent, "without consent"),
            (summary.suppressed, "of people who are forgotten"),
        )
        if count
    ]
    read = f"Read {summary.lines:,} events from {summary.files:,} files"
    return Text(f"{', '.join([read, *kept_back])}. {summary.kept:,} wait for `pql load`.")


def load_summary(segments: Iterable[SegmentSummary]) -> RenderableType:
    """What became of the segments of a load; the damaged ones by name."""
    loaded = list(segments)
    if not loaded:
        return Text("Nothing new was received.")
    counts = [
        f"{sum(segment.loaded for segment in loaded):,} events from {len(loaded):,} segments",
        f"{sum(segment.deduplicated for segment in loaded):,} were there already",
        f"{sum(segment.quarantined for segment in loaded):,} set aside (receiver.quarantine)",
    ]
    lines: list[RenderableType] = [Text("Loaded " + ", ".join(counts) + ".")]
    lines += [
        Text(
            f"{segment.segment} is damaged: {segment.lost:,} acknowledged events are lost, and nothing is published "
            f"until you accept it: `pql load --accept-loss {segment.segment}`. The file is in damaged/.",
            style="red",
        )
        for segment in loaded
        if segment.is_damaged
    ]
    return Group(*lines)


def doctor_report(findings: Iterable[Finding]) -> RenderableType:
    """Each finding, and under it what to do."""
    lines: list[RenderableType] = []
    for finding in findings:
        lines.append(Text.assemble((f"{finding.level:8}", LEVEL_STYLES[finding.level]), finding.what))
        if finding.remedy:
            lines.append(Text(f"        → {finding.remedy}"))
    return Group(*lines)


def identity_explanation(found: Explanation) -> RenderableType:
    """A person's identifiers with the ties behind each, the accounts they lead to, and what was refused."""
    parts: list[RenderableType] = [_identity_headline(found)]
    if found.person:
        parts.append(_chains(found))
    if found.ended:
        parts.append(_ended_ties(found))
    if found.accounts:
        parts.append(_identity_accounts(found))
    if found.refused:
        parts.append(_refused_identifiers(found))
    return Group(*parts)


def _identity_headline(found: Explanation) -> RenderableType:
    person = found.person
    if person is None:
        return Text(f"{found.asked} is nobody's identifier", style="bold")
    called = person["name"] or person["email"] or "somebody not known yet"
    since = f", known since {person['known_at']:%Y-%m-%d}" if person["known_at"] else ""
    count = len(found.chains)
    return Group(
        Text(f"{called}  ({person['person_id']})", style="bold"),
        Text(f"{count} identifier{'s' if count != 1 else ''}, first seen {person['first_seen_at']:%Y-%m-%d}{since}"),
    )


def _chains(found: Explanation) -> RenderableType:
    table = Table(title="What ties each identifier to the oldest one", title_justify="left", pad_edge=False)
    for heading in ("Identifier", "Tie", "Rule", "Source", "Since (UTC)", "Until (UTC)"):
        table.add_column(heading, overflow="fold")
    for node, chain in found.chains.items():
        if not chain:
            table.add_row(node, "the oldest", "", "", "", "")
        for position, tie in enumerate(chain):
            table.add_row(node if position == 0 else "", *_tie_cells(tie))
    return table


def _ended_ties(found: Explanation) -> RenderableType:
    table = Table(title="Ties that ended; what was counted while they held stays", title_justify="left", pad_edge=False)
    for heading in ("Tie", "Rule", "Source", "Since (UTC)", "Until (UTC)"):
        table.add_column(heading, overflow="fold")
    for tie in found.ended[:SHOWN_TIES]:
        table.add_row(*_tie_cells(tie))
    return table if len(found.ended) <= SHOWN_TIES else Group(table, _more(len(found.ended) - SHOWN_TIES))


def _tie_cells(tie: Tie) -> tuple[str, ...]:
    until = "" if tie.holds else f"{tie.until:%Y-%m-%d %H:%M}"
    return f"{tie.left} – {tie.right}", tie.rule, tie.source, f"{tie.since:%Y-%m-%d %H:%M}", until


def _identity_accounts(found: Explanation) -> RenderableType:
    table = Table(title="Accounts", title_justify="left", pad_edge=False)
    for heading in ("Account", "Since (UTC)", "By", "Sure", "Evidence"):
        table.add_column(heading, overflow="fold")
    for row in found.accounts:
        table.add_row(
            f"{row['name']} ({row['kind']}, {row['account_id']})",
            f"{row['available_at']:%Y-%m-%d %H:%M}",
            row["matched_by"].replace("_", " "),
            f"{row['confidence']:.0%}",
            row["evidence"] or "–",
        )
    return table


def _refused_identifiers(found: Explanation) -> RenderableType:
    table = Table(title="Refused: seen with these identifiers, and nobody's", title_justify="left", pad_edge=False)
    for heading in ("Identifier", "Why", "Would join", "Allowed", "Such as", "Since (UTC)"):
        table.add_column(heading, overflow="fold")
    for row in found.refused[:SHOWN_TIES]:
        identities, allowed = row["identities"], row["allowed"]
        table.add_row(
            f"{row['identifier_type']}:{row['identifier']}",
            row["refused_because"],
            f"{row['refused_links']:,}" if identities is None else f"{identities:,}",
            "–" if allowed is None else f"{allowed:,}",
            row["example"] or "–",
            f"{row['first_refused_at']:%Y-%m-%d}",
        )
    return table if len(found.refused) <= SHOWN_TIES else Group(table, _more(len(found.refused) - SHOWN_TIES))


def _more(count: int) -> Text:
    return Text(f"and {count:,} more", style="dim")


def identity_difference(difference: Difference) -> RenderableType:
    """What a run with another configuration would change: one sentence, and the figures behind it."""
    parts: list[RenderableType] = [Text(difference.sentence, style="bold")]
    if difference.arrived:
        parts.append(
            Text(f"{difference.arrived:,} identifiers are new since the published run; what they change counts too.")
        )
    if difference.is_retrained:
        parts.append(Text("The accounts that the model learns from change, so it is trained anew: any score may move."))
    if not difference.is_empty:
        parts += [_fates(difference), *_moves(difference), *_mergers_and_splits(difference)]
        parts += [_labels(difference), _grades(difference), *_largest(difference)]
    return Group(*parts)


def _fates(difference: Difference) -> RenderableType:
    table = Table(title="What becomes of them", title_justify="left", pad_edge=False)
    for heading in ("", "Before", "After", "Merged", "Split off", "New", "Gone"):
        table.add_column(heading, justify="left" if not heading else "right")
    names = {"person": "people", "company": "accounts of companies", "individual": "accounts of individuals"}
    for kind, fates in difference.fates.items():
        figures = (fates.before, fates.after, fates.merged, fates.split, fates.new, fates.gone)
        table.add_row(names[kind], *(f"{figure:,}" for figure in figures))
    return table


def _moves(difference: Difference) -> Iterator[RenderableType]:
    if difference.moves:
        title = f"{difference.moved_people:,} people and {difference.moved_identifiers:,} single identifiers move"
        table = Table(title=f"{title}, such as", title_justify="left", pad_edge=False)
        for heading in ("Identifier", "From", "To"):
            table.add_column(heading, overflow="fold")
        for move in difference.moves:
            table.add_row(move.subject, move.origin, move.destination)
        yield table


def _mergers_and_splits(difference: Difference) -> Iterator[RenderableType]:
    if difference.changes:
        table = Table(title="Merged into, or split off from, another", title_justify="left", pad_edge=False)
        for heading in ("What", "From", "To", "Identifiers"):
            table.add_column(heading, justify="right" if heading == "Identifiers" else "left", overflow="fold")
        for change in difference.changes:
            table.add_row(
                f"{change.kind} {change.change}", change.origin, change.destination, f"{change.identifiers:,}"
            )
        yield table


def _labels(difference: Difference) -> RenderableType:
    labels = difference.labels
    return Text(
        f"Labels: {labels.accounts:,} accounts change; "
        f"{labels.won_before:,} won examples before, {labels.won_after:,} after."
    )


def _grades(difference: Difference) -> RenderableType:
    flipped = [(before, after, count) for before, after, count in difference.grades if before != after]
    if not flipped:
        return Text(f"Grades: none changes; {difference.scores:,} scores do.")
    table = Table(title=f"Grades; {difference.scores:,} scores change", title_justify="left", pad_edge=False)
    for heading in ("From", "To", "Accounts"):
        table.add_column(heading, justify="right" if heading == "Accounts" else "left")
    for before, after, count in flipped:
        table.add_row(before, after, f"{count:,}")
    return table


def _largest(difference: Difference) -> Iterator[RenderableType]:
    for title, (before, after) in difference.largest.items():
        table = Table(title=f"Largest: {title}", title_justify="left", pad_edge=False)
        for heading in ("Before", "", "After", " "):
            table.add_column(heading, justify="left" if heading.strip() else "right", overflow="fold")
        for one, other in zip_longest(before, after, fillvalue=("", None)):
            table.add_row(one[0], _size(one[1]), other[0], _size(other[1]))
        yield table


def _size(size: int | None) -> str:
    return "" if size is None else f"{size:,}"


def forgetting(forgotten: Forgetting) -> RenderableType:
    """What was written, what the next run does, and what this does not do."""
    count, kept = forgotten.done.identifiers, forgotten.done.kept_cuts
    lines = [
        Text(
            f"Forgotten: {count} identifier{'s' if count != 1 else ''} of "
            f"{forgotten.person_id or forgotten.identifiers[0]}, kept as hashes in privacy.forgotten_identifiers."
        )
    ]
    if kept:
        lines.append(
            Text(f"{len(kept)} shared with others and cut before stay cut: {', '.join(kept[:5])}{_and_more(kept)}.")
        )
    lines.append(Text("Now `pql run`: it resolves everybody anew without them, and publishes."))
    if forgotten.overrides:
        lines.append(
            Text(f"First remove the overrides that name them: {', '.join(forgotten.overrides)}.", style="yellow")
        )
    lines.append(
        Text(
            "This erases nothing in the source tables, nor in files and backups: their bytes still hold what was sent. "
            "Erase it at the source too.",
            style="yellow",
        )
    )
    return Group(*lines)


def _and_more(kept: tuple[str, ...]) -> str:
    return f" and {len(kept) - 5} more" if len(kept) > 5 else ""
