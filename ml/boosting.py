"""Conservative gradient boosting: the recipe that held up on later data (docs/decisions, modelling study).

Few leaves, slow learning, strong shrinkage, monotone where the sign is known; the number of rounds is chosen on later
data and may be 0. The margin is `initial_margin` (log odds of the training base rate) plus the trees.
"""
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# (LightGBM's annotations leave its array arguments and results partly unknown)

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from ml.arrow import Floats

MAX_ROUNDS, ROUND_STEP = 300, 10
SEED = 20250101

# By columns one thread sums a feature's whole histogram, so the number of threads cannot change the order of a sum, and
# with it the last bits; by rows the blocks are as many as the threads.
DETERMINISM: dict[str, Any] = {"deterministic": True, "force_col_wise": True, "seed": SEED}

RECIPE: dict[str, Any] = {
    "objective": "binary",
    "boost_from_average": False,
    "learning_rate": 0.03,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "path_smooth": 10.0,
    "max_bin": 63,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Shape:
    """How large a tree may grow: its leaves, and about how many won rows each holds."""

    leaves: int
    won_per_leaf: int


DEFAULT_SHAPE = Shape(6, 5)

# Searched only where there are so many won accounts that the folds can tell them apart; on fewer, all are within noise.
SEARCHED_SHAPES = (DEFAULT_SHAPE, Shape(4, 5), Shape(15, 5), Shape(6, 20))


@dataclass(frozen=True)
class Boosting:
    """A fitted model: log odds before the first tree, and the trees."""

    initial_margin: float
    booster: lgb.Booster


def parameters(labels: Floats, monotone: tuple[int, ...], shape: Shape, threads: int) -> dict[str, Any]:
    """The recipe's LightGBM parameters for these labels.

    A leaf must hold about five won accounts: 5 / base rate rows, at least 20, at most an eighth of the rows.
    """
    leaf_rows = min(max(20, round(shape.won_per_leaf / base_rate(labels))), len(labels) // 8)
    return {
        **RECIPE,
        **DETERMINISM,
        "num_threads": threads,
        "num_leaves": shape.leaves,
        "min_data_in_leaf": max(1, leaf_rows),
        "monotone_constraints": list(monotone),
    }


def fit(
    X: Floats,
    labels: Floats,
    monotone: tuple[int, ...],
    rounds: int,
    threads: int,
    shape: Shape = DEFAULT_SHAPE,
    weights: Floats | None = None,
) -> Boosting:
    """Fit `rounds` trees on (rows, features) with labels 0 and 1; both must occur."""
    initial = log_odds(base_rate(labels, weights))
    data = lgb.Dataset(X, label=labels, weight=weights, init_score=np.full(len(labels), initial))
    booster = lgb.train(parameters(labels, monotone, shape, threads), data, num_boost_round=rounds)
    return Boosting(initial, booster)


def first_rounds(model: Boosting, rounds: int) -> Boosting:
    """The model as it was after its first rounds; they do not depend on those that came later."""
    return from_text(model.booster.model_to_string(num_iteration=rounds), model.initial_margin)


def margins(model: Boosting, X: Floats) -> Floats:
    """Log odds for each row."""
    return model.initial_margin + _raw(model.booster, X, 0, -1)


def staged_margins(model: Boosting, X: Floats, rounds: int) -> Floats:
    """Margins after 0, 10, … `rounds` rounds, one row per stage; the last ones alike where no tree could be added."""
    stages = [np.full(len(X), model.initial_margin)]
    grown = model.booster.current_iteration()
    for start in range(0, rounds, ROUND_STEP):
        # past the last tree LightGBM would take "from here on" for "from the beginning"
        added = _raw(model.booster, X, start, min(ROUND_STEP, grown - start)) if start < grown else 0.0
        stages.append(stages[-1] + added)
    return np.stack(stages)


def to_text(model: Boosting) -> str:
    """LightGBM's own text format of all rounds, which `margins` sums too; every number round-trips exactly."""
    return model.booster.model_to_string(num_iteration=-1)


def from_text(text: str, initial_margin: float) -> Boosting:
    """Parse a model text. Check its integrity first: the parser is native code."""
    return Boosting(initial_margin, lgb.Booster(model_str=text))


def base_rate(labels: Floats, weights: Floats | None = None) -> float:
    """Share of won rows, by weight where there are weights."""
    return float(np.average(labels, weights=weights))


def log_odds(rate: float) -> float:
    """ln(p / (1 - p))."""
    return float(np.log(rate / (1 - rate)))


def library_version() -> str:
    """LightGBM's version, for the manifest."""
    return str(lgb.__version__)


def _raw(booster: lgb.Booster, X: Floats, start: int, count: int) -> Floats:
    if not len(X):
        return np.zeros(0)
    return np.asarray(booster.predict(X, raw_score=True, start_iteration=start, num_iteration=count), dtype=np.float64)
