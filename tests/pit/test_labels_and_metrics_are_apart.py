"""A label is made of deals and subscriptions, a metric of what happened before: neither reads the other."""

import pytest

LABELS = ("account_labels", "account_opportunity_states")
METRICS = ("account_signal_metrics", "account_usage", "account_metrics", "account_fit")


def ancestors(manifest: dict, name: str) -> set[str]:
    """Every model that a model reads, directly or not."""
    found: set[str] = set()
    waiting = [f"model.pql_scoring.{name}"]
    while waiting:
        for node in manifest["nodes"][waiting.pop()]["depends_on"]["nodes"]:
            if node.startswith("model.") and node not in found:
                found.add(node)
                waiting.append(node)
    return {node.rsplit(".", 1)[-1] for node in found}


@pytest.mark.parametrize("metric", METRICS)
def test_no_metric_reads_a_label(metric: str, manifest: dict) -> None:
    assert "account_days" in ancestors(manifest, "account_metrics")  # the walk does reach what is far away
    assert "account_labels" not in ancestors(manifest, metric)


def test_no_label_reads_a_metric(manifest: dict) -> None:
    for label in LABELS:
        assert ancestors(manifest, label) & set(METRICS) == set()


def test_examples_alone_bring_metrics_and_labels_together(manifest: dict) -> None:
    features = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == "features"
    }
    both = {name for name in features if {"account_labels", "account_metrics"} <= ancestors(manifest, name)}
    assert both == {"training_examples", "scoring_examples"}
