"""A fitted model of any rung that learns: its margin, what each feature adds to it, and how it is written down.

The blend's margin is share x trees + (1 - share) x line; so are its contributions and its base, which keeps them exact.
Corrections of segments add to the margin and to the contributions of their accounts, and leave the base as it is.
"""

from dataclasses import dataclass, replace
from typing import Any

from ml import boosting, logistic, scorecard, segments
from ml.arrow import Floats
from ml.boosting import Boosting
from ml.explain import Explanation, explain, require_additive
from ml.logistic import Logistic
from ml.scorecard import Scorecard
from ml.segments import Correction

RULES, SCORECARD, LOGISTIC, GRADIENT_BOOSTING, BLEND = "rules", "scorecard", "logistic", "gradient_boosting", "blend"
LEARNED = (SCORECARD, LOGISTIC, GRADIENT_BOOSTING, BLEND)  # the ladder, the simplest first


@dataclass(frozen=True)
class Fitted:
    """The parts that a rung has; `share` is that of the trees in the blend.

    Without `corrections` it is the whole: what holds for every account.
    """

    rung: str
    card: Scorecard | None = None
    line: Logistic | None = None
    trees: Boosting | None = None
    share: float = 0.0
    corrections: tuple[Correction, ...] = ()


def margins(model: Fitted, X: Floats) -> Floats:
    """Log odds for each row."""
    found = _margins_of_the_whole(model, X)
    for correction in model.corrections:
        found = found + segments.margin_changes(correction, X)
    return found


def _margins_of_the_whole(model: Fitted, X: Floats) -> Floats:
    if model.card is not None:
        return scorecard.margins(model.card, X)
    if model.line is not None and model.trees is not None:
        return blended(boosting.margins(model.trees, X), logistic.margins(model.line, X), model.share)
    if model.line is not None:
        return logistic.margins(model.line, X)
    return boosting.margins(_required_trees(model), X)


def explain_fitted(model: Fitted, X: Floats) -> Explanation:
    """Exact contributions of the features to the margin of each row.

    Raises:
        NotAdditive: a row's contributions miss its margin by more than 1e-9.
    """
    if model.card is not None:
        base, shares = scorecard.base_margin(model.card), scorecard.contributions(model.card, X)
    elif model.trees is None:
        line = _required_line(model)
        base, shares = logistic.base_margin(line), logistic.contributions(line, X)
    else:
        of_trees = explain(model.trees, X)
        base, shares = of_trees.base, of_trees.contributions
        if model.line is not None:
            base = model.share * base + (1 - model.share) * logistic.base_margin(model.line)
            shares = blended(shares, logistic.contributions(model.line, X), model.share)
    for correction in model.corrections:
        shares = shares + segments.contributions(correction, X)
    return require_additive(Explanation(margins(model, X), base, shares))


def blended(trees: Floats, line: Floats, share: float) -> Floats:
    """share x trees + (1 - share) x line."""
    return share * trees + (1 - share) * line


def to_json(model: Fitted) -> dict[str, Any]:
    """Everything but the trees' text, for the manifest."""
    return {
        "share": model.share,
        "initial_margin": None if model.trees is None else model.trees.initial_margin,
        "line": None if model.line is None else logistic.to_json(model.line),
        "card": None if model.card is None else scorecard.to_json(model.card),
        "corrections": segments.to_json(model.corrections),
    }


def trees_text(model: Fitted) -> str:
    """LightGBM's text of the trees; nothing where there are none."""
    return "" if model.trees is None else boosting.to_text(model.trees)


def from_json(rung: str, content: dict[str, Any], text: str) -> Fitted:
    """The model that `to_json` and `trees_text` wrote. Check its integrity first: a parser is native code."""
    model = Fitted(
        rung, share=content["share"], corrections=segments.from_json(content.get("corrections", ()))
    )  # older models know of none
    if content["card"] is not None:
        model = replace(model, card=scorecard.from_json(content["card"]))
    if content["line"] is not None:
        model = replace(model, line=logistic.from_json(content["line"]))
    if content["initial_margin"] is not None:
        model = replace(model, trees=boosting.from_text(text, content["initial_margin"]))
    return model


def _required_trees(model: Fitted) -> Boosting:
    if model.trees is None:
        raise ValueError(f"a model of rung {model.rung} has neither card, line nor trees")
    return model.trees


def _required_line(model: Fitted) -> Logistic:
    if model.line is None:
        raise ValueError(f"a model of rung {model.rung} has neither card, line nor trees")
    return model.line
