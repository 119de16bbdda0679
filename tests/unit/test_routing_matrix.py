"""The matrix is judged as a plain reading of the rules would judge it."""

from itertools import product

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.routing_matrix import DIMENSIONS, cells, matrix_findings, owner_findings, sizes


def some(dimension: str) -> st.SearchStrategy[str]:
    values = DIMENSIONS[dimension]
    several = st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map("|".join)
    return st.just("*") | several


SIZES = st.sampled_from(["", "", "10", "200"])
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "account_kind": st.sampled_from(["*", "company", "individual"]),
            "minimum_employees": SIZES,
            "maximum_employees": SIZES,
            "fit": some("fit"),
            "intent": some("intent"),
            "readiness": some("readiness"),
            "ownership": some("ownership"),
            "play": st.sampled_from(["call", "write"]),
        }
    ),
    min_size=1,
    max_size=5,
)


def first_rule(rules: list[dict[str, str]], account: dict[str, str], employees: int | None) -> int | None:
    """The plain reading: condition by condition, rule by rule."""
    for number, rule in enumerate(rules):
        named = all(rule[name] == "*" or value in rule[name].split("|") for name, value in account.items())
        low, high = rule["minimum_employees"], rule["maximum_employees"]
        large_enough = low == "" or (employees is not None and employees >= int(low))
        small_enough = high == "" or (employees is not None and employees <= int(high))
        if named and large_enough and small_enough:
            return number
    return None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RULES)
def test_unreachable_rows_and_gaps_are_those_that_trying_every_account_finds(rules: list[dict[str, str]]):
    numbered = [(number + 2, {**rule, "position": str(number + 1)}) for number, rule in enumerate(rules)]
    reached, has_gap = set(), False
    for values in product(*DIMENSIONS.values()):
        account = dict(zip(DIMENSIONS, values, strict=True))
        if account["readiness"] == "expansion_ready" and account["ownership"] != "customer":
            continue
        for employees in (None, 0, 9, 10, 11, 199, 200, 201, 5000):
            number = first_rule(rules, account, employees)
            has_gap = has_gap or number is None
            reached.add(number)

    findings = list(matrix_findings(numbered))

    gaps = [line for line, what, _ in findings if "would get no play" in what]
    unreachable = {line for line, what, _ in findings if "would get no play" not in what}
    assert bool(gaps) == has_gap
    assert unreachable == {number + 2 for number in range(len(rules))} - {
        number + 2 for number in reached if number is not None
    }


def test_the_lowest_position_goes_first_whatever_the_order_of_the_lines():
    everything = {"minimum_employees": "", "maximum_employees": "", "play": "call"} | dict.fromkeys(DIMENSIONS, "*")
    narrow = {**everything, "fit": "A"}

    assert not list(matrix_findings([(2, {**everything, "position": "10"}), (3, {**narrow, "position": "9"})]))
    assert [
        line for line, _, _ in matrix_findings([(2, {**everything, "position": "1"}), (3, {**narrow, "position": "2"})])
    ] == [3]


def test_a_size_that_nobody_knows_meets_no_bound():
    rule = {"minimum_employees": "0", "maximum_employees": ""} | dict.fromkeys(DIMENSIONS, "*")

    assert None not in {cell[-1] for cell in cells(rule, sizes([rule]))}
    assert None in {cell[-1] for cell in cells({**rule, "minimum_employees": ""}, sizes([rule]))}


def test_territories_of_different_closeness_may_overlap():
    def owner(countries: str, low: str = "", high: str = "") -> dict[str, str]:
        return {
            "owner": countries + low + high,
            "role": "sales_rep",
            "countries": countries,
            "minimum_employees": low,
            "maximum_employees": high,
            "works_from": "09:00",
            "works_until": "17:00",
        }

    apart = [owner("*"), owner("US"), owner("GB|FR"), owner("GB|FR", "200"), owner("GB|FR", "", "199")]

    assert not list(owner_findings(list(enumerate(apart, 2))))
    assert len(list(owner_findings([(2, owner("US")), (3, owner("US|CA"))]))) == 1
    assert len(list(owner_findings([(2, owner("US", "", "200")), (3, owner("US", "200"))]))) == 1
