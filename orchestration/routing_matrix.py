"""What routing_rules.csv and owners.csv say together: whether every account gets one play, and every play somebody.

The rules are read from the lowest position on; the first that fits counts. An account is a cell of the matrix: its
kind, fit tier, intent tier, readiness and ownership, and a size. There are a few thousand cells, so they are listed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product

Row = Mapping[str, str]
Finding = tuple[int, str, str]  # line, what is wrong, how to mend it

ANY = "*"
AUTOMATION = "automation"  # the owner role of plays that nobody has to carry out
DIMENSIONS: dict[str, tuple[str, ...]] = {
    "account_kind": ("company", "individual"),
    "fit": ("A", "B", "C", "D"),
    "intent": ("inactive", "exploring", "activated", "high_intent", "team_adopted"),
    "readiness": ("exploring", "activated", "pql_ready", "sales_ready", "expansion_ready"),
    "ownership": ("unowned", "owned", "customer"),
}
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


Cell = tuple[str | int | None, ...]  # one value of each dimension, and the employees, or None where nobody knows


def sizes(rules: Iterable[Row]) -> tuple[int | None, ...]:
    """The sizes that rules can tell apart: none known, and those on both sides of every bound."""
    bounds = {0}
    for rule in rules:
        bounds |= {int(rule["minimum_employees"])} if rule["minimum_employees"] else set()
        bounds |= {int(rule["maximum_employees"]) + 1} if rule["maximum_employees"] else set()
    return None, *sorted(bounds)


def cells(rule: Row, employees: Sequence[int | None]) -> list[Cell]:
    """The kinds of accounts that a rule is for. A bound on the size is met by no account whose size nobody knows."""
    within = [size for size in employees if _is_within(size, rule["minimum_employees"], rule["maximum_employees"])]
    return [cell for cell in product(*(_allowed(rule, name) for name in DIMENSIONS), within) if _exists(cell)]


def _allowed(rule: Row, dimension: str) -> tuple[str, ...]:
    return DIMENSIONS[dimension] if rule[dimension] == ANY else tuple(rule[dimension].split("|"))


def _is_within(size: int | None, low: str, high: str) -> bool:
    if size is None:
        return not low and not high
    return (not low or size >= int(low)) and (not high or size <= int(high))


def _exists(cell: Cell) -> bool:
    """Only a customer can be ready to expand."""
    return "expansion_ready" not in cell or "customer" in cell


def matrix_findings(rules: Sequence[tuple[int, Row]]) -> Iterator[Finding]:
    """Rules that no account reaches, rules that contradict an earlier one, and accounts that no rule catches."""
    ordered = sorted(rules, key=lambda entry: int(entry[1]["position"]))
    employees = sizes(rule for _, rule in ordered)
    all_cells = cells(dict.fromkeys(DIMENSIONS, ANY) | {"minimum_employees": "", "maximum_employees": ""}, employees)
    left = set(all_cells)
    claimed: list[tuple[int, Row, set[Cell]]] = []
    for line, rule in ordered:
        wanted = set(cells(rule, employees))
        if not wanted & left:
            yield _unreachable(line, rule, wanted, claimed)
        left -= wanted
        claimed.append((line, rule, wanted))
    if left:
        example = next(cell for cell in all_cells if cell in left)
        what = f"{len(left)} kinds of accounts would get no play, such as {_in_words(example)}"
        yield ordered[-1][0] if ordered else 1, what, "Add a last row with * in every column, for all that is left"


def _unreachable(line: int, rule: Row, wanted: set[Cell], claimed: Sequence[tuple[int, Row, set[Cell]]]) -> Finding:
    if not wanted:
        return line, "no account meets all conditions of this row", "Widen one of them, or delete the row"
    for other, row, cells_before in claimed:
        if cells_before == wanted:
            says = "the same" if row["play"] == rule["play"] else f"'{row['play']}', not '{rule['play']}'"
            return line, f"for the same accounts line {other} says {says}", "Keep one of the two"
    before = [str(other) for other, _, cells_before in claimed if cells_before & wanted]
    catching = f"line {before[0]} catches" if len(before) == 1 else f"lines {', '.join(before)} catch"
    return line, f"no account reaches this row: {catching} them all before", "Give it a lower position, or delete it"


def _in_words(cell: Cell) -> str:
    kind, fit, intent, readiness, ownership, employees = cell
    size = "of unknown size" if employees is None else f"with {employees} employees"
    article = "an" if kind == "individual" else "a"
    return f"{article} {kind} {size}, fit {fit}, intent {intent}, readiness {readiness}, ownership {ownership}"


def owner_findings(owners: Sequence[tuple[int, Row]]) -> Iterator[Finding]:
    """Owners who never work, and territories of one role that claim the same accounts with the same right."""
    for line, owner in owners:
        if owner["works_from"] >= owner["works_until"]:
            what = f"{owner['owner']} works from {owner['works_from']} until {owner['works_until']}"
            yield line, what, "'works_until' must be later the same day"
    for (line, owner), (other_line, other) in combinations(owners, 2):
        if owner["role"] == other["role"] and _territory(owner) != _territory(other) and _equally_near(owner, other):
            both = f"{owner['owner']} (line {line}) and {other['owner']}"
            what = f"the territories of {both} overlap, and neither goes first"
            yield other_line, what, "Give both the same countries and sizes, or keep them apart"


def role_findings(rules: Sequence[tuple[int, Row]], owners: Sequence[tuple[int, Row]]) -> Iterator[Finding]:
    """Rules that ask for a role that nobody has. Lines are those of the rules."""
    roles = {AUTOMATION, *(owner["role"] for _, owner in owners)}
    for line, rule in rules:
        if rule["owner_role"] not in roles:
            what = f"nobody in owners.csv has the role '{rule['owner_role']}'"
            yield line, what, f"Add an owner with this role, or write {AUTOMATION} where nobody has to do anything"


def reach_findings(rules: Sequence[tuple[int, Row]], owners: Sequence[tuple[int, Row]]) -> Iterator[Finding]:
    """Roles that no rule asks for, and roles with nobody for accounts of any country and size. Lines of the owners."""
    asked = sorted({rule["owner_role"] for _, rule in rules} - {AUTOMATION})
    everywhere = {owner["role"] for _, owner in owners if _territory(owner) == (ANY, "", "")}
    seen: set[str] = set()
    for line, owner in owners:
        role = owner["role"]
        if role not in asked:
            yield line, f"no row of routing_rules.csv asks for the role '{role}'", f"Write one of {', '.join(asked)}"
        elif role not in everywhere | seen:
            what = f"accounts outside the territories of '{role}' would have no owner"
            yield line, what, f"Let one of them have {ANY} for countries and no bounds of employees"
        seen.add(role)


def _territory(owner: Row) -> tuple[str, str, str]:
    return owner["countries"], owner["minimum_employees"], owner["maximum_employees"]


def nearness(owner: Row) -> int:
    """How closely a territory is drawn: by countries counts twice, by size once. The closest that fits is taken."""
    sizes = bool(owner["minimum_employees"] or owner["maximum_employees"])
    return 2 * (owner["countries"] != ANY) + sizes


def _equally_near(one: Row, other: Row) -> bool:
    if nearness(one) != nearness(other):
        return False
    countries = set(one["countries"].split("|")) & set(other["countries"].split("|"))
    low = max(int(owner["minimum_employees"] or 0) for owner in (one, other))
    highs = [int(owner["maximum_employees"]) for owner in (one, other) if owner["maximum_employees"]]
    return bool(countries) and (not highs or low <= min(highs))
