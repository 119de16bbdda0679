"""Penalised logistic regression on transformed features: a rung of its own, and the linear part of the blend.

Skewed columns on a log scale, standardised, clipped at four standard deviations, a flag where much is missing, L2.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingModuleSource=false
# (scikit-learn ships no types)

from dataclasses import dataclass
from typing import Any

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression

from ml.arrow import Bools, Floats

PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # scikit-learn's C, strongest first
SKEWED = 1.5
MISSING_SHARE = 0.005
CLIP = 4.0


@dataclass(frozen=True)
class Preparation:
    """How raw columns become standardised ones, as learned on the training rows."""

    logged: Bools
    median: Floats
    mean: Floats
    deviation: Floats
    flagged: Bools


@dataclass(frozen=True)
class Logistic:
    """A fitted model: one coefficient per prepared column, and the columns' means over the training rows."""

    preparation: Preparation
    coefficients: Floats
    intercept: float
    centre: Floats


def fit_path(
    X: Floats, labels: Floats, penalties: tuple[float, ...], weights: Floats | None = None
) -> tuple[Logistic, ...]:
    """One model per penalty, each started from the one before (C ascending, so every step is short)."""
    preparation = learn_preparation(X)
    prepared = prepare(preparation, X)
    centre = prepared.mean(axis=0)
    # n much larger than the features: one Cholesky step costs less than many gradient passes
    solver = LogisticRegression(solver="newton-cholesky", warm_start=True, max_iter=50)
    models: list[Logistic] = []
    for penalty in penalties:
        solver.set_params(C=penalty)
        solver.fit(prepared, labels, sample_weight=weights)
        coefficients = np.ravel(np.asarray(solver.coef_, dtype=np.float64)).copy()
        models.append(Logistic(preparation, coefficients, float(np.ravel(solver.intercept_)[0]), centre))
    return tuple(models)


def margins(model: Logistic, X: Floats) -> Floats:
    """Log odds for each row."""
    # not `@`: BLAS sums a row differently in a block of another size, and with it the margin's last bits
    return (prepare(model.preparation, X) * model.coefficients).sum(axis=1) + model.intercept


def contributions(model: Logistic, X: Floats) -> Floats:
    """(rows, features): coefficient x (prepared value - its mean), the flag's share with its feature."""
    shares = (prepare(model.preparation, X) - model.centre) * model.coefficients
    found = shares[:, : X.shape[1]].copy()
    found[:, model.preparation.flagged] += shares[:, X.shape[1] :]
    return found


def base_margin(model: Logistic) -> float:
    """The margin of an account that is at the mean of every prepared column."""
    return model.intercept + float(model.centre @ model.coefficients)


def to_json(model: Logistic) -> dict[str, Any]:
    """For the manifest; every number round-trips exactly."""
    preparation = model.preparation
    return {
        "intercept": model.intercept,
        "coefficients": model.coefficients.tolist(),
        "centre": model.centre.tolist(),
        "logged": preparation.logged.tolist(),
        "median": preparation.median.tolist(),
        "mean": preparation.mean.tolist(),
        "deviation": preparation.deviation.tolist(),
        "flagged": preparation.flagged.tolist(),
    }


def from_json(content: dict[str, Any]) -> Logistic:
    """The model that `to_json` wrote."""
    preparation = Preparation(
        logged=np.array(content["logged"], dtype=np.bool_),
        median=np.array(content["median"], dtype=np.float64),
        mean=np.array(content["mean"], dtype=np.float64),
        deviation=np.array(content["deviation"], dtype=np.float64),
        flagged=np.array(content["flagged"], dtype=np.bool_),
    )
    coefficients = np.array(content["coefficients"], dtype=np.float64)
    return Logistic(preparation, coefficients, content["intercept"], np.array(content["centre"], dtype=np.float64))


def prepare(preparation: Preparation, X: Floats) -> Floats:
    """Impute, log, standardise, clip; the missing flags follow as further columns."""
    missing = np.isnan(X)
    filled = _signed_log(np.where(missing, preparation.median, X), preparation.logged)
    standard = np.clip((filled - preparation.mean) / preparation.deviation, -CLIP, CLIP)
    return np.hstack([standard, missing[:, preparation.flagged].astype(np.float64)])


def learn_preparation(X: Floats) -> Preparation:
    """What `prepare` needs to know of the training rows."""
    missing = np.isnan(X)
    share = missing.mean(axis=0)
    median = np.array([_known_median(X[~missing[:, j], j]) for j in range(X.shape[1])])
    filled = np.where(missing, median, X)
    logged = _skewness(filled) > SKEWED
    scaled = _signed_log(filled, logged)
    deviation = scaled.std(axis=0)
    flagged = (share > MISSING_SHARE) & (share < 1)
    return Preparation(logged, median, scaled.mean(axis=0), np.where(deviation > 0, deviation, 1.0), flagged)


def library_version() -> str:
    """scikit-learn's version, for the hash of the code."""
    return str(sklearn.__version__)


def _known_median(known: Floats) -> float:
    return float(np.median(known)) if len(known) else 0.0


def _skewness(X: Floats) -> Floats:
    centred = X - X.mean(axis=0)
    deviation = X.std(axis=0)
    return np.divide((centred**3).mean(axis=0), deviation**3, out=np.zeros(X.shape[1]), where=deviation > 0)


def _signed_log(X: Floats, logged: Bools) -> Floats:
    """log1p of the size with the sign kept; for non-negative columns that is log1p."""
    return np.where(logged, np.sign(X) * np.log1p(np.abs(X)), X)
