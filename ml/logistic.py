"""Penalised logistic regression on transformed features: the baseline beside the trees.

Skewed columns on a log scale, standardised, clipped at four standard deviations, a flag where much is missing, L2.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingModuleSource=false
# (scikit-learn ships no types)

from dataclasses import dataclass

import numpy as np
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
    """A fitted model: one coefficient per prepared column."""

    preparation: Preparation
    coefficients: Floats
    intercept: float


def fit_path(X: Floats, labels: Floats, penalties: tuple[float, ...]) -> tuple[Logistic, ...]:
    """One model per penalty, each started from the one before (C ascending, so every step is short)."""
    preparation = _learn_preparation(X)
    prepared = prepare(preparation, X)
    # n much larger than the features: one Cholesky step costs less than many gradient passes
    solver = LogisticRegression(solver="newton-cholesky", warm_start=True, max_iter=50)
    models: list[Logistic] = []
    for penalty in penalties:
        solver.set_params(C=penalty)
        solver.fit(prepared, labels)
        coefficients = np.ravel(np.asarray(solver.coef_, dtype=np.float64)).copy()
        models.append(Logistic(preparation, coefficients, float(np.ravel(solver.intercept_)[0])))
    return tuple(models)


def margins(model: Logistic, X: Floats) -> Floats:
    """Log odds for each row."""
    return prepare(model.preparation, X) @ model.coefficients + model.intercept


def prepare(preparation: Preparation, X: Floats) -> Floats:
    """Impute, log, standardise, clip; the missing flags follow as further columns."""
    missing = np.isnan(X)
    filled = _signed_log(np.where(missing, preparation.median, X), preparation.logged)
    standard = np.clip((filled - preparation.mean) / preparation.deviation, -CLIP, CLIP)
    return np.hstack([standard, missing[:, preparation.flagged].astype(np.float64)])


def _learn_preparation(X: Floats) -> Preparation:
    missing = np.isnan(X)
    share = missing.mean(axis=0)
    median = np.array([_known_median(X[~missing[:, j], j]) for j in range(X.shape[1])])
    filled = np.where(missing, median, X)
    logged = _skewness(filled) > SKEWED
    scaled = _signed_log(filled, logged)
    deviation = scaled.std(axis=0)
    flagged = (share > MISSING_SHARE) & (share < 1)
    return Preparation(logged, median, scaled.mean(axis=0), np.where(deviation > 0, deviation, 1.0), flagged)


def _known_median(known: Floats) -> float:
    return float(np.median(known)) if len(known) else 0.0


def _skewness(X: Floats) -> Floats:
    centred = X - X.mean(axis=0)
    deviation = X.std(axis=0)
    return np.divide((centred**3).mean(axis=0), deviation**3, out=np.zeros(X.shape[1]), where=deviation > 0)


def _signed_log(X: Floats, logged: Bools) -> Floats:
    """log1p of the size with the sign kept; for non-negative columns that is log1p."""
    return np.where(logged, np.sign(X) * np.log1p(np.abs(X)), X)
