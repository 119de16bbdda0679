"""Forget a person: refuse their identifiers from the next run on, and say what has to be done beside it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orchestration.configuration import rows_with_lines
from orchestration.identity_explanation import find_identity, identifiers_of
from warehouse.connection import Backend
from warehouse.privacy import Forgotten, forget


@dataclass(frozen=True)
class Forgetting:
    """What forgetting did: whom it was, what was written, and the lines of overrides that still name them."""

    person_id: str | None
    identifiers: tuple[str, ...]
    done: Forgotten
    overrides: tuple[str, ...]


def forget_identity(backend: Backend, wanted: str, now: datetime, configuration: Path) -> Forgetting:
    """Forget the person who answers to `wanted`, or an identifier that is nobody's.

    Args:
        backend: the working warehouse, after a run.
        wanted: a person_id, an identifier as `type:value`, or its value alone.
        now: in UTC, without a zone.
        configuration: the folder of the CSV files, whose overrides may name the person.

    Raises:
        UnknownIdentity: nobody answers to it, or several do.
    """
    person_id, asked = find_identity(backend, wanted)
    nodes = tuple(identifiers_of(backend, person_id)) if person_id else (asked,)
    return Forgetting(person_id, nodes, forget(backend, nodes, now), _overrides_that_name(nodes, configuration))


def _overrides_that_name(nodes: tuple[str, ...], configuration: Path) -> tuple[str, ...]:
    """`file:line` of each override that names one of these: the next run would stop there, since it names nobody."""
    named = {node.lower() for node in nodes}
    return tuple(
        f"{configuration / 'identity_overrides.csv'}:{line}"
        for line, row in rows_with_lines(configuration, "identity_overrides")
        if {
            f"{row['identifier_type']}:{row['identifier'].strip()}".lower(),
            f"{row['other_type']}:{row['other_identifier'].strip()}".lower(),
        }
        & named
    )
