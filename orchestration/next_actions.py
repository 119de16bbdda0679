"""What each account of today could do next, by the model that scores it: what `scores.next_best_actions` reads."""

import pyarrow as pa

from ml.dataset import build_dataset, labelled
from ml.next_action import next_actions
from ml.register import Model
from ml.score import model_encoding
from orchestration.models import WEIGHED_ROWS, read_metrics
from warehouse.connection import Backend
from warehouse.tables import read_table


def actions_of_today(
    backend: Backend, model: Model, examples: pa.Table, metrics: pa.Table, signals: pa.Table, run_id: str
) -> pa.Table:
    """`ml.next_actions` of these accounts: signals that speak for an account and that somebody can bring about."""
    encoding = model_encoding(model, examples, metrics, signals)
    history = build_dataset(
        read_table(backend, "features", "training_examples"),
        read_metrics(backend, "training_examples"),
        signals,
        encoding,
    )
    today = build_dataset(examples, metrics, signals, encoding)
    speak_for = [
        row
        for row in signals.to_pylist()
        if row["is_actionable"] and row["measured_from"] == "events" and row["polarity"] > 0
    ]
    milestones = [row["signal"] for row in speak_for if row["is_milestone"]]
    reference = labelled(history).thinned(WEIGHED_ROWS)
    return next_actions(model, today, reference, [row["signal"] for row in speak_for], run_id, milestones)
