"""What `pql holdout` shows: how large a lift today's accounts could show, and what experiments have shown so far."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ml.holdout import POWER, Arms, Lift, intention_to_treat, minimum_detectable_lift
from warehouse.connection import Backend
from warehouse.tables import query

QUESTIONS = {
    "holdout": "Holdout: what routing brings to qualified accounts",
    "exploration": "Exploration: what working low bands brings",
}


def report(backend: Backend, share: float) -> RenderableType:
    """Both experiments of the published file, after what one with this share could find among today's accounts.

    Args:
        backend: the published file.
        share: the share to hold out, from 0 to 1.
    """
    return Group(*_plan(backend, share), *(part for name in QUESTIONS for part in _result(backend, name)))


def _plan(backend: Backend, share: float) -> Iterator[RenderableType]:
    rows = query(
        backend,
        """
        select scores.grade, count(*) as accounts, avg(scores.probability) as rate
        from scores.account_scores as scores
        where scores.account_id in (select account_id from activation.holdouts where experiment = 'holdout')
        group by scores.grade order by scores.grade
        """,
    )
    accounts = np.array([row["accounts"] for row in rows], dtype=np.int64)
    of = f"{share:.0%} of the {accounts.sum():,} accounts that have qualified so far"
    yield Text(f"Before launch: {of}", style="bold")
    if any(row["rate"] is None for row in rows):
        yield Text("No lift can be planned for: the scores are points, and nobody knows how many are won without help.")
        return
    rates = np.array([row["rate"] for row in rows], dtype=np.float64)
    held_out = np.floor(accounts * share + 0.5).astype(np.int64)
    lift = minimum_detectable_lift(accounts - held_out, held_out, rates)
    expected = float(accounts @ rates / accounts.sum()) if len(rows) else float("nan")
    if np.isnan(lift):
        yield Text(f"With {held_out.sum():,} held out, no lift would be found in {POWER:.0%} of experiments: too few.")
    else:
        yield Text(
            f"With {held_out.sum():,} held out, a lift of {100 * lift:.1f} points over an expected {expected:.1%} "
            f"would be found in {POWER:.0%} of experiments; a smaller one would often be missed."
        )
    yield Text("Accounts that enter later make it finer; a larger holdout_share does so sooner.", style="dim")


def _result(backend: Backend, experiment: str) -> Iterator[RenderableType]:
    rows = query(
        backend,
        """
        select
            salt, stratum,
            count(*) filter (where is_to_be_worked) as worked,
            count(*) filter (where not is_to_be_worked) as left_alone,
            count(*) filter (where is_mature and is_to_be_worked) as routed,
            count(*) filter (where is_mature and is_to_be_worked and is_won) as routed_won,
            count(*) filter (where is_mature and not is_to_be_worked) as held_out,
            count(*) filter (where is_mature and not is_to_be_worked and is_won) as held_out_won,
            min(entered_on) as first_entered_on
        from reporting.experiment_outcomes
        where experiment = ?
        group by salt, stratum
        order by min(min(entered_on)) over (partition by salt), salt, stratum
        """,
        [experiment],
    )
    for salt in dict.fromkeys(row["salt"] for row in rows):
        strata = [row for row in rows if row["salt"] == salt]
        table = Table(title=f"{QUESTIONS[experiment]} ('{salt}')", title_justify="left", pad_edge=False)
        for heading in ("Grade", "To be worked", "Left alone", "Won of the first", "Won of the second"):
            table.add_column(heading, justify="left" if heading == "Grade" else "right")
        for row in strata:
            table.add_row(
                row["stratum"],
                f"{row['worked']:,}",
                f"{row['left_alone']:,}",
                _share(row["routed_won"], row["routed"]),
                _share(row["held_out_won"], row["held_out"]),
            )
        yield table
        yield Text(_verdict(intention_to_treat(arms(strata)), strata))


def arms(strata: list[dict[str, Any]]) -> Arms:
    """The mature accounts of each stratum, as `ml.holdout` counts them."""
    names = ("routed", "routed_won", "held_out", "held_out_won")
    return Arms(*(np.array([row[name] for row in strata], dtype=np.int64) for name in names))


def _verdict(lift: Lift, strata: list[dict[str, Any]]) -> str:
    if np.isnan(lift.value):
        first = min(row["first_entered_on"] for row in strata)
        return f"Too early: no band has an outcome on both sides yet. The first accounts entered on {first}."
    says = "more" if lift.low > 0 else "fewer" if lift.high < 0 else "not surely more or fewer"
    return (
        f"Lift {100 * lift.value:+.1f} points ({100 * lift.low:+.1f} to {100 * lift.high:+.1f}, 95 % interval): "
        f"{lift.rate_routed:.1%} against {lift.rate_held_out:.1%} won, {says}. By the arm drawn, whatever was done."
    )


def _share(won: int, of: int) -> str:
    return f"{won:,} of {of:,} ({won / of:.0%})" if of else "–"
