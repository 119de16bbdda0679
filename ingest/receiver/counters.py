"""What the receiver counts, and the text in which Prometheus reads it."""

from collections import Counter

HELP = {
    "pql_receiver_requests_total": "Requests by source, call and status.",
    "pql_receiver_events_total": "Events that are durable.",
    "pql_receiver_refused_total": "Items set aside with a reason, durable as well.",
    "pql_receiver_dropped_total": "Events without consent or of somebody forgotten: nothing else is kept of them.",
    "pql_receiver_bytes_total": "Bytes of bodies, uncompressed.",
}

Counts = Counter[tuple[str, tuple[tuple[str, str], ...]]]


def exposition(counts: Counts, gauges: dict[str, float]) -> str:
    """Prometheus' text format 0.0.4."""
    lines: list[str] = []
    for name, description in HELP.items():
        lines += [f"# HELP {name} {description}", f"# TYPE {name} counter"]
        for (counted, labels), value in sorted(counts.items()):
            if counted == name:
                shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
                lines.append(f"{name}{{{shown}}} {value}" if shown else f"{name} {value}")
    for name, value in gauges.items():
        lines += [f"# TYPE {name} gauge", f"{name} {value:g}"]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
