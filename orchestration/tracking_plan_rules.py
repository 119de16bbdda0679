"""What tracking_plan.csv says as a whole: each event and property once, and nothing that no event could keep to."""

from collections.abc import Iterator, Mapping, Sequence

Row = Mapping[str, str]
Finding = tuple[int, str, str]  # line, what is wrong, how to mend it

TYPES = ("text", "number", "boolean", "array", "object")


def plan_findings(rows: Sequence[tuple[int, Row]]) -> Iterator[Finding]:
    """Rows that say what another says, and rows that say nothing of a property and yet give it a type."""
    lines: dict[tuple[str, str, str], int] = {}
    for line, row in rows:
        key = row["source"], row["event_name"].lower(), row["property"]
        first_line = lines.setdefault(key, line)
        if first_line != line:
            what = f"'{row['event_name']}' {row['property']}".rstrip()
            yield line, f"{what} stands on line {first_line} already", "Keep one of the two; case does not matter"
        if not row["property"].strip() and (row["type"].strip() or row["required"].strip()):
            yield line, "type and required say something of a property, and none is named", "Fill in 'property'"
        any_source = lines.get(("*", *key[1:]))
        if row["source"] != "*" and any_source is not None:
            what = f"line {any_source} says it of any source already"
            yield line, what, "Keep the row with *, or a row for each source"
