"""What is stored of a model, how its version comes about, and how it is read back only if untouched.

No pickle: LightGBM's own text and a JSON manifest. The version is a hash of the inputs, so the same data, code and
parameters give the same version; the integrity hash covers every stored byte and is checked before any native parsing.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ml import arrow, boosting, fitted, logistic
from ml.arrow import Dates, Floats, Schema, Table, Texts
from ml.calibrate import CalibrationMap, calibration_hash, check_map
from ml.dataset import Dataset, Encoding, Feature
from ml.explain import SignalWeight
from ml.fitted import BLEND, GRADIENT_BOOSTING, LOGISTIC, RULES, SCORECARD, Fitted
from ml.ladder import Evidence
from ml.pooling import SegmentEvidence
from ml.rules import Rule, rules_from_json
from ml.scale import ScoreScale

VERSION_PREFIX = {RULES: "rules", SCORECARD: "card", LOGISTIC: "logistic", GRADIENT_BOOSTING: "gb", BLEND: "blend"}

MODELS: Schema = {
    "model_version": "text",
    "trained_at": "time",
    "rung": "text",
    "status": "text",
    "data_hash": "text",
    "code_hash": "text",
    "integrity_hash": "text",
    "manifest": "text",
    "metrics": "text",
    "model_text": "text",
}
CALIBRATION_MAPS: Schema = {
    "model_version": "text",
    "margin_from": "float",
    "probability": "float",
    "probability_low": "float",
    "probability_high": "float",
}
BACKTESTS: Schema = {
    "model_version": "text",
    "model_name": "text",
    "slice": "text",
    "train_from": "date",
    "train_to": "date",
    "test_from": "date",
    "test_to": "date",
    "rows": "integer",
    "positives": "integer",
    "metric": "text",
    "value": "float",
    "value_low": "float",
    "value_high": "float",
}
SIGNAL_WEIGHTS: Schema = {
    "model_version": "text",
    "signal": "text",
    "learned_weight": "float",
    "share": "float",
    "direction": "integer",
    "points": "float",
    "lift": "float",
    "rows_with": "integer",
    "rank": "integer",
    "stability": "float",
}
LADDER: Schema = {
    "model_version": "text",
    "rung": "text",
    "step": "integer",
    "won_accounts": "integer",
    "needed": "integer",
    "is_chosen": "boolean",
    "auc": "float",
    "auc_low": "float",
    "auc_high": "float",
    "average_precision": "float",
    "against": "text",
    "gain": "float",
    "gain_low": "float",
    "gain_high": "float",
    "better_in": "float",
    "reason": "text",
}
SEGMENTS: Schema = {
    "model_version": "text",
    "segment": "text",
    "position": "integer",
    "feature": "text",
    "at_least": "float",
    "below": "float",
    "won_accounts": "integer",
    "needed": "integer",
    "is_corrected": "boolean",
    "reason": "text",
    "penalty": "float",
    "average_precision": "float",
    "against": "float",
    "gain": "float",
    "gain_low": "float",
    "gain_high": "float",
    "better_in": "float",
}
JUDGED_ACCOUNTS: Schema = {
    "model_version": "text",
    "account_id": "text",
    "as_of_date": "date",
    "margin": "float",
    "probability": "float",
    "is_won": "integer",
}


class TamperedModel(ValueError):  # noqa: N818 - the name says what is wrong
    """A stored model is not what was trained; it was not parsed."""


@dataclass(frozen=True)
class ModelRecord:
    """One row of `ml.models`."""

    model_version: str
    trained_at: datetime
    rung: str
    status: str
    data_hash: str
    code_hash: str
    integrity_hash: str
    manifest: str
    metrics: str
    model_text: str


@dataclass(frozen=True)
class Backtest:
    """One metric of one model on one slice of later dates; `value_low` and `value_high` where an interval is known."""

    model_name: str
    slice: str
    train_from: date
    train_to: date
    test_from: date
    test_to: date
    rows: int
    positives: int
    metric: str
    value: float
    value_low: float | None = None
    value_high: float | None = None


@dataclass(frozen=True)
class Model:
    """What scoring needs. `fitted` is None on the rules rung, `rules` empty on every other."""

    model_version: str
    rung: str
    encoding: Encoding
    scale: ScoreScale
    fitted: Fitted | None
    rules: tuple[Rule, ...]
    calibration: CalibrationMap | None


@dataclass(frozen=True)
class NewestSlice:
    """What the recipe, trained one horizon before the newest slice, said of that slice's rows; the slice chose nothing.

    Margins start from the served model's log odds, so that its scale applies; probabilities are calibrated on earlier
    slices alone.
    """

    account_ids: Texts
    dates: Dates
    labels: Floats
    margins: Floats
    probabilities: Floats


@dataclass(frozen=True)
class TrainedModel:
    """Everything a training leaves behind; `model` scores, the rest goes to the tables of schema `ml`.

    `out_of_time` is None and `segments` empty on the rules rung, which learns nothing.
    """

    record: ModelRecord
    calibration: CalibrationMap | None
    backtests: tuple[Backtest, ...]
    signal_weights: tuple[SignalWeight, ...]
    ladder: tuple[Evidence, ...]
    model: Model
    segments: tuple[SegmentEvidence, ...] = ()
    out_of_time: NewestSlice | None = None


def make_record(
    rung: str,
    manifest: dict[str, Any],
    model_text: str,
    calibration: CalibrationMap | None,
    trained_at: datetime,
) -> ModelRecord:
    """Hash and freeze a model. `manifest` holds data_hash, code_hash, parameters, features, rules and metrics."""
    version = _model_version(rung, manifest)
    full = {
        "model_version": version,
        "rung": rung,
        **manifest,
        "calibration_hash": calibration_hash(calibration),
        "model_hash": hashlib.sha256(model_text.encode()).hexdigest(),
    }
    manifest_text, metrics_text = _to_json(full), _to_json(manifest["metrics"])
    return ModelRecord(
        model_version=version,
        trained_at=trained_at,
        rung=rung,
        status="champion",
        data_hash=manifest["data_hash"],
        code_hash=manifest["code_hash"],
        integrity_hash=_integrity_hash(manifest_text, metrics_text, model_text),
        manifest=manifest_text,
        metrics=metrics_text,
        model_text=model_text,
    )


def open_model(record: ModelRecord, calibration: CalibrationMap | None) -> Model:
    """A model ready to score, from what is stored.

    Raises:
        TamperedModel: any byte of it differs from what was trained; nothing was parsed then.
    """
    manifest = _verified_manifest(record, calibration)
    return Model(
        model_version=record.model_version,
        rung=record.rung,
        encoding=tuple(_feature_from_json(feature) for feature in manifest["features"]),
        scale=ScoreScale(**manifest["score_scale"]),
        fitted=None if record.rung == RULES else fitted.from_json(record.rung, manifest["served"], record.model_text),
        rules=rules_from_json(manifest["rules"]),
        calibration=None if calibration is None else check_map(calibration),
    )


def load_model(models: Table, calibration_maps: Table, model_version: str | None = None) -> Model:
    """Read a model back from rows of `ml.models` and `ml.calibration_maps`.

    Args:
        models: one row, or several when `model_version` says which.
        calibration_maps: rows of any versions, in any order.
        model_version: which model; the newest trained when not given.

    Raises:
        LookupError: there is no such model.
        TamperedModel: it is not what was trained.
    """
    rows = [row for row in arrow.rows(models, list(MODELS)) if model_version in (None, row["model_version"])]
    if not rows:
        raise LookupError(f"no model {model_version or ''} is stored".replace("  ", " "))
    record = ModelRecord(**max(rows, key=lambda row: row["trained_at"]))
    return open_model(record, _calibration_of(calibration_maps, record.model_version))


def models_table(trained: TrainedModel) -> Table:
    """The row of `ml.models`."""
    row = asdict(trained.record)
    return arrow.build_rows(MODELS, [{**row, "trained_at": _naive_utc(trained.record.trained_at)}])


def calibration_table(trained: TrainedModel) -> Table:
    """The rows of `ml.calibration_maps`; none on the rules rung."""
    steps = trained.calibration
    numbers = list(CALIBRATION_MAPS)[1:]
    columns: dict[str, Any] = {name: np.zeros(0) if steps is None else getattr(steps, name) for name in numbers}
    versions = [trained.record.model_version] * (0 if steps is None else len(steps.margin_from))
    return arrow.build(CALIBRATION_MAPS, {"model_version": versions, **columns})


def backtests_table(trained: TrainedModel) -> Table:
    """The rows of `ml.backtests`."""
    return _versioned(BACKTESTS, trained.record.model_version, trained.backtests)


def ladder_table(trained: TrainedModel) -> Table:
    """The rows of `ml.ladder`."""
    return _versioned(LADDER, trained.record.model_version, trained.ladder)


def segments_table(trained: TrainedModel) -> Table:
    """The rows of `ml.segments`; none on the rules rung."""
    return _versioned(SEGMENTS, trained.record.model_version, trained.segments)


def judged_accounts_table(trained: TrainedModel) -> Table:
    """The rows of `ml.judged_accounts`; none on the rules rung."""
    judged = trained.out_of_time
    if judged is None:
        return arrow.build_rows(JUDGED_ACCOUNTS, [])
    return arrow.build(
        JUDGED_ACCOUNTS,
        {
            "model_version": [trained.record.model_version] * len(judged.labels),
            "account_id": judged.account_ids,
            "as_of_date": judged.dates,
            "margin": judged.margins,
            "probability": judged.probabilities,
            "is_won": judged.labels.astype(np.int64),
        },
    )


def versioned_backtests(model_version: str, backtests: Iterable[Backtest]) -> Table:
    """Rows of `ml.backtests` that came after the training."""
    return _versioned(BACKTESTS, model_version, backtests)


def signal_weights_table(trained: TrainedModel) -> Table:
    """The rows of `ml.signal_weights`."""
    return _versioned(SIGNAL_WEIGHTS, trained.record.model_version, trained.signal_weights)


def data_hash(dataset: Dataset) -> str:
    """SHA-256 over everything a model learns from: names, rows, values, labels."""
    digest = hashlib.sha256()
    digest.update(_to_json([asdict(feature) for feature in dataset.encoding]).encode())
    digest.update(_to_json(list(dataset.account_ids)).encode())
    digest.update(dataset.dates.astype("datetime64[D]").astype(np.int64).tobytes())
    for numbers in (dataset.X, dataset.labels):
        one_nan_one_zero = np.where(np.isnan(numbers), np.nan, numbers + 0.0)
        digest.update(np.ascontiguousarray(one_nan_one_zero).tobytes())
    return digest.hexdigest()


def code_hash() -> str:
    """SHA-256 over this package's source files and the versions of the libraries that fit."""
    digest = hashlib.sha256(f"{boosting.library_version()} {logistic.library_version()}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def features_to_json(encoding: Encoding) -> list[dict[str, Any]]:
    """For the manifest."""
    return [asdict(feature) for feature in encoding]


def _feature_from_json(feature: dict[str, Any]) -> Feature:
    fields: dict[str, Any] = {**feature, "categories": tuple(feature["categories"])}
    return Feature(**fields)


def _model_version(rung: str, manifest: dict[str, Any]) -> str:
    inputs = {name: manifest[name] for name in ("data_hash", "code_hash", "parameters", "features", "rules")}
    return f"{VERSION_PREFIX[rung]}-{hashlib.sha256(_to_json(inputs).encode()).hexdigest()[:12]}"


def _integrity_hash(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


def _verified_manifest(record: ModelRecord, calibration: CalibrationMap | None) -> dict[str, Any]:
    if record.integrity_hash != _integrity_hash(record.manifest, record.metrics, record.model_text):
        raise TamperedModel(f"model {record.model_version}: stored bytes do not match their integrity hash")
    manifest: dict[str, Any] = json.loads(record.manifest)
    for name in ("model_version", "rung", "data_hash", "code_hash"):
        if manifest[name] != getattr(record, name):
            raise TamperedModel(f"model {record.model_version}: {name} differs from the manifest's")
    if manifest["calibration_hash"] != calibration_hash(calibration):
        raise TamperedModel(f"model {record.model_version}: the calibration map differs from the one trained")
    return manifest


def _calibration_of(calibration_maps: Table, model_version: str) -> CalibrationMap | None:
    of_model = arrow.texts(calibration_maps, "model_version") == model_version
    if not of_model.any():
        return None
    columns = [arrow.numbers(calibration_maps, name)[of_model] for name in list(CALIBRATION_MAPS)[1:]]
    order = np.argsort(columns[0], kind="stable")
    return CalibrationMap(*(column[order] for column in columns))


def _versioned(
    schema: Schema, model_version: str, records: Iterable[Backtest | SignalWeight | Evidence | SegmentEvidence]
) -> Table:
    rows: Sequence[dict[str, Any]] = [{"model_version": model_version, **asdict(record)} for record in records]
    return arrow.build_rows(schema, rows)


def _naive_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _to_json(content: object) -> str:
    """Canonical: sorted keys, no NaN."""
    return json.dumps(content, sort_keys=True, allow_nan=False)
