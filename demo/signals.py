"""What is planted, in one table: every signal, the raw event behind it, how often it occurs and its true effect.

The effect multiplies `log1p(min(count in the trailing 28 days, CAP))` in the margin of the weekly hazard that a sales
opportunity opens (see `sales.py`). A signal whose effect is 0 before and after the product change is noise for a model.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from demo.period import Floats

CAP: Final = 12  # events in 28 days above which more of the same changes nothing: busy-work does not count

Kind = Literal["track", "page"]
Part = Literal["strong", "moderate", "negative", "changing", "weak", "noise"]


@dataclass(frozen=True)
class PlantedSignal:
    """One signal as the simulator plays it.

    Attributes:
        name: the signal's name in `truth.signals`; None for raw events that mean nothing and are no signal.
        kind: Segment's call.
        event: the track's slug, or the page's name in lower case.
        text: the event or page name as the tracker sent it.
        condition: the property and its value that make the raw event this signal, where the event alone does not.
        part: the part the signal plays in the truth.
        effect_before: true effect up to the product change on 2026-01-01.
        effect_after: true effect from then on.
        weekly_rate: expected events a week of an average active account.
        engagement: how strongly the rate follows the account's engagement (0 not at all, 1 fully).
        own_spread: standard deviation of the account's own log propensity for this signal alone.
        is_server_side: sent by the product's backend, without an anonymous id.
    """

    name: str | None
    kind: Kind
    event: str
    text: str
    part: Part
    effect_before: float
    effect_after: float
    weekly_rate: float
    engagement: float = 0.5
    own_spread: float = 1.0
    condition: tuple[str, str] | None = None
    is_server_side: bool = False


def _track(
    name: str | None, part: Part, effect: float | tuple[float, float], rate: float, **more: object
) -> PlantedSignal:
    before, after = effect if isinstance(effect, tuple) else (effect, effect)
    event = str(more.pop("event", name))
    text = event.replace("_", " ").title().replace("Api", "API")
    return PlantedSignal(name, "track", event, text, part, before, after, rate, **more)  # type: ignore[arg-type]


def _page(name: str, part: Part, effect: float, rate: float, **more: object) -> PlantedSignal:
    page = name.removesuffix("_viewed")
    return PlantedSignal(name, "page", page, page.title(), part, effect, effect, rate, **more)  # type: ignore[arg-type]


# Signals of one raw event stand next to each other: the event tables are cut as slices of one sorted batch.
SIGNALS: Final[tuple[PlantedSignal, ...]] = (
    # name, part, effect (before, after), events a week
    _track("workspace_created", "moderate", 0.6, 0.0),
    _track("setup_completed", "weak", 0.15, 0.0),
    _track("setup_failed", "negative", -0.8, 0.25, engagement=0.1, own_spread=1.1),
    _track(
        "production_source_connected",
        "strong",
        1.1,
        0.55,
        event="data_source_connected",
        condition=("environment", "production"),
        engagement=0.2,
        own_spread=1.5,
    ),
    _track(
        "sample_source_connected",
        "weak",
        0.0,
        0.18,
        event="data_source_connected",
        condition=("environment", "sample"),
        engagement=0.3,
    ),
    _track("teammate_invited", "strong", 1.0, 0.55, engagement=0.2, own_spread=1.5),
    _track("invite_accepted", "weak", 0.0, 0.0),
    _track("dashboard_created", "weak", 0.0, 0.75, engagement=0.8, own_spread=0.8),
    _track(
        "dashboard_shared_externally",
        "moderate",
        0.4,
        0.22,
        event="dashboard_shared",
        condition=("visibility", "external"),
        engagement=0.4,
    ),
    _track(None, "noise", 0.0, 0.35, event="dashboard_shared", condition=("visibility", "internal"), engagement=0.7),
    _track("report_scheduled", "strong", 1.0, 0.55, engagement=0.2, own_spread=1.5),
    _track("export_run", "changing", (0.6, 0.0), 0.4, engagement=0.4),
    _track("automation_created", "changing", (0.0, 0.6), 0.3, engagement=0.4),
    _track("role_customized", "weak", 0.0, 0.12, engagement=0.4),
    _track("api_called", "moderate", 0.35, 0.45, engagement=0.4, own_spread=1.2, is_server_side=True),
    _track("limit_reached", "strong", 1.05, 0.55, engagement=0.2, own_spread=1.5, is_server_side=True),
    _track("checkout_started", "moderate", 0.45, 0.12, engagement=0.2, own_spread=1.2),
    _track("signed_in", "weak", 0.0, 1.7, engagement=1.0, own_spread=0.5),
    _track("error_shown", "negative", -0.7, 0.45, engagement=0.2, own_spread=1.2),
    _track("support_ticket_opened", "weak", 0.0, 0.12, engagement=0.4),
    _track("unsubscribed", "weak", -0.1, 0.03, engagement=0.0),
    _track("theme_changed", "noise", 0.0, 0.26, engagement=0.0, own_spread=0.9),
    _track("tour_viewed", "noise", 0.0, 0.26, engagement=0.0, own_spread=0.9),
    _track("avatar_uploaded", "noise", 0.0, 0.18, engagement=0.0, own_spread=0.9),
    _track("file_renamed", "noise", 0.0, 0.4, engagement=0.4),
    _page("home_viewed", "weak", 0.0, 1.5, engagement=0.8, own_spread=0.6),
    _page("pricing_viewed", "strong", 1.05, 0.55, engagement=0.2, own_spread=1.5),
    _page("billing_viewed", "weak", 0.1, 0.2, engagement=0.3),
    _page("security_viewed", "moderate", 0.45, 0.18, engagement=0.2, own_spread=1.2),
    _page("docs_viewed", "weak", 0.0, 0.5, engagement=0.5),
    _page("changelog_viewed", "noise", 0.0, 0.3, engagement=0.4),
)

COUNT: Final = len(SIGNALS)
INDEX: Final[dict[str, int]] = {signal.name: index for index, signal in enumerate(SIGNALS) if signal.name is not None}
STRONGEST: Final[tuple[str, ...]] = tuple(str(signal.name) for signal in SIGNALS if signal.part == "strong")
NOISE: Final[tuple[str, ...]] = tuple(name for name in INDEX if SIGNALS[INDEX[name]].part == "noise")


def effects(is_after_change: bool) -> Floats:
    """Return the true effect of every signal, in the order of `SIGNALS`."""
    return np.array([signal.effect_after if is_after_change else signal.effect_before for signal in SIGNALS])
