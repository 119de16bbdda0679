"""What a failed test of identity means for whoever has to mend it: which tie to cut, which line of which file."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from orchestration.configuration import Problem, rows_with_lines
from orchestration.weakest_links import Cut, best_cuts
from warehouse.connection import Backend, open_working_to_read
from warehouse.tables import query

SHOWN_COMPONENTS = 3
SHOWN_CUTS = 5
# A suggestion is near where it takes at most this many slips to get there: one, and one more for each ten characters.
# ann@nort.example is one slip from ann@north.example; bob@north.example is three.
CHARACTERS_PER_SLIP = 10

TIES = {
    "person": """
        select edges.left_node, edges.right_node, min(edges.rule) as rule
        from identity.identity_edges as edges
        inner join identity.person_identifiers as persons on edges.left_node = persons.node
        where persons.person_id = ? and edges.known_until >= timestamp '9999-12-31'
        group by edges.left_node, edges.right_node
    """,
    "account": """
        select edges.left_node, edges.right_node, min(edges.rule) as rule
        from identity.organisation_edges as edges
        inner join identity.organisation_reach as reach on edges.left_node = reach.node
        where reach.target = ?
        group by edges.left_node, edges.right_node
    """,
}
REMEDIES = {
    "person": (
        "Block what is shared in blocked_identifiers.csv, or separate two in identity_overrides.csv. "
        "If this is one person, raise max_identifiers_per_person in settings.csv."
    ),
    "account": (
        "Separate two in identity_overrides.csv; a domain that many companies share goes into email_domains.csv. "
        "If this is one company, raise max_identifiers_per_account in settings.csv."
    ),
}


def explanations(run_results: Mapping[str, Any], folder: Path, configuration: Path) -> list[str]:
    """What to add to dbt's own words for each failed test of identity.

    Args:
        run_results: dbt's run_results.json.
        folder: the home whose working file dbt has just written and closed.
        configuration: the folder of the CSV files that this run used.
    """
    tellers: dict[str, Callable[[Backend, list[dict[str, Any]]], Iterator[str]]] = {
        "no_person_or_account_is_too_large": too_large,
        "every_override_names_somebody": lambda backend, rows: unknown_overrides(backend, rows, configuration),
    }
    told: list[str] = []
    for result in run_results["results"]:
        teller = tellers.get(result["unique_id"].rsplit(".", 1)[-1])
        if teller and result["status"] == "fail":
            with open_working_to_read(folder) as backend:
                told += teller(backend, query(backend, result["compiled_code"]))
    return told


def too_large(backend: Backend, rows: list[dict[str, Any]]) -> Iterator[str]:
    """A paragraph for each of the largest offenders: its size, and what would break it up best."""
    largest_first = sorted(rows, key=lambda row: (-row["identifiers"], row["id"]))
    for row in largest_first[:SHOWN_COMPONENTS]:
        kind = row["kind"]
        ties = query(backend, TIES[kind], [row["id"]])
        rules = {frozenset((tie["left_node"], tie["right_node"])): tie["rule"] for tie in ties}
        yield (
            f"{kind} {row['id']} holds {row['identifiers']:,} identifiers; {row['most_identifiers']:,} are allowed. "
            "What would break it up best:"
        )
        for cut in best_cuts(((tie["left_node"], tie["right_node"]) for tie in ties), SHOWN_CUTS):
            yield f"  {_cut(cut, rules)}"
        yield f"  {REMEDIES[kind]}"
    if len(rows) > SHOWN_COMPONENTS:
        yield f"{len(rows) - SHOWN_COMPONENTS:,} more are too large."


def unknown_overrides(backend: Backend, rows: list[dict[str, Any]], configuration: Path) -> Iterator[str]:
    """A line for each row of identity_overrides.csv that names somebody unknown, with file, line and near matches."""
    unknown = {(row["identifier_type"], row["identifier"]) for row in rows}
    for line, override in rows_with_lines(configuration, "identity_overrides"):
        for kind, name in (("identifier_type", "identifier"), ("other_type", "other_identifier")):
            named = (override[kind].strip(), override[name].strip())
            if named in unknown:
                what = f"{named[0]} '{named[1]}' names nobody we know"
                yield str(Problem(str(configuration / "identity_overrides.csv"), line, what, _hint(backend, *named)))


def near_matches(backend: Backend, identifier: str, identifier_type: str | None = None, count: int = 3) -> list[str]:
    """The known identifiers that look most like one, as `type:identifier`, closest first; of one type where given."""
    rows = query(
        backend,
        """
        with known as (
            select node, identifier_type, identifier from identity.identifiers
            union
            select node, identifier_type, identifier from identity.organisation_identifiers
        ),

        compared as (
            select node, damerau_levenshtein(lower(identifier), lower($1)) as slips
            from known
            where identifier_type = coalesce($2, identifier_type)
        )

        select node
        from compared
        where slips <= 1 + length($1) // $3
        order by slips, node
        limit $4
        """,
        [identifier, identifier_type, CHARACTERS_PER_SLIP, count],
    )
    return [row["node"] for row in rows]


def _hint(backend: Backend, identifier_type: str, identifier: str) -> str:
    close = near_matches(backend, identifier, identifier_type) or near_matches(backend, identifier)
    if not close:
        return "Remove the line, or load the records that name it"
    return f"Did you mean {' or '.join(close)}? Otherwise remove the line"


def _cut(cut: Cut, rules: Mapping[frozenset[str], str]) -> str:
    left = f"the largest piece left has {cut.largest_piece:,}"
    if len(cut.nodes) == 1:
        ties = sum(cut.nodes[0] in pair for pair in rules)
        return f"identifier {cut.nodes[0]} ({ties:,} ties): {left}"
    return f"tie {cut.nodes[0]} - {cut.nodes[1]} ({rules[frozenset(cut.nodes)]}): {left}"
