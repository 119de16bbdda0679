"""What is wrong between rows and between files, once every file is there: names nobody knows, borders that invert."""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path

from orchestration.configuration.columns import Column, number, pattern
from orchestration.configuration.files import (
    ACCOUNT_MEASURES,
    COSTS,
    EXCLUSION_PATTERNS,
    EXCLUSION_STATES,
    FILES,
    FIT_TEXTS,
    LABEL_PRESETS,
    LONGEST_CHAIN,
    MEMBERSHIP_RULES,
    MODEL_MEASURES,
    ORGANISATION_TYPES,
    PHRASES,
    PROJECT_SEEDS,
    PURPOSES,
    SETTINGS,
    SIGNAL_MEASURES,
    SOURCE_IDENTIFIER_TYPES,
    TEXT_MEASURES,
)
from orchestration.configuration.problems import Problem, Row
from orchestration.routing_matrix import Finding, matrix_findings, owner_findings, reach_findings, role_findings
from orchestration.tracking_plan_rules import plan_findings

Tables = Mapping[str, list[tuple[int, Row]]]


def find_contradictions(folder: Path, tables: Tables) -> Iterator[Problem]:
    """Every problem that no cell has by itself.

    Args:
        folder: Where the files are.
        tables: The rows of every file, by its name, each with the line that it begins on.
    """
    yield from _unknown_signals(folder, tables)
    yield from _unknown_metrics(folder, tables)
    yield from _sequences(folder, tables)
    yield from _identifier_types(folder, tables)
    yield from _signal_conditions(folder, tables)
    yield from _settings(folder, tables)
    yield from _bands(folder, tables)
    yield from _rules(folder, tables)
    yield from _exclusions(folder, tables)
    yield from _segments(folder, tables)
    yield from _fit_criteria(folder, tables)
    yield from _costs(folder, tables)
    yield from _phrases(folder, tables)
    yield from _routing(folder, tables)
    yield from _talking_points(folder, tables)
    yield from _marketing_rules(folder, tables)
    yield from _play_overrides(folder, tables)
    yield from _membership_rules(folder, tables)
    yield from _overrides(folder, tables)
    yield from _limits(folder, tables)
    yield from _problems(folder / "tracking_plan.csv", plan_findings(tables["tracking_plan"]))


def _unknown_signals(folder: Path, tables: Tables) -> Iterator[Problem]:
    measured_from = {row["signal"]: row["measured_from"] for _, row in tables["signals"]}
    for name in ("signal_map", "signal_roles", "scoring_rules", "limit_usage", "talking_points", "segments"):
        for line, row in tables[name]:
            if row["signal"]:
                yield from _unknown_signal(str(folder / f"{name}.csv"), line, row["signal"], measured_from)
    for name in ("signal_map", "signal_roles"):
        for line, row in tables[name]:
            if measured_from.get(row["signal"], "events") != "events":
                what = f"signal '{row['signal']}' is not measured from events"
                fix = "Name one that signals.csv measures from events"
                yield Problem(str(folder / f"{name}.csv"), line, what, fix)


def _unknown_signal(path: str, line: int, signal: str, known: Iterable[str]) -> Iterator[Problem]:
    if signal not in known:
        close = get_close_matches(signal, known, n=1)
        hint = f"Did you mean '{close[0]}'? Otherwise add it to signals.csv" if close else "Add it to signals.csv"
        yield Problem(path, line, f"signal '{signal}' is unknown", hint)


def _sequences(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "sequences.csv")
    measured_from = {row["signal"]: row["measured_from"] for _, row in tables["signals"]}
    first_of = {row["signal"]: row["first"] for _, row in tables["sequences"]}
    for line, row in tables["sequences"]:
        for name in ("signal", "first", "then"):
            yield from _unknown_signal(path, line, row[name], measured_from)
        if measured_from.get(row["signal"], "sequences") != "sequences":
            what = f"signal '{row['signal']}' is measured from {measured_from[row['signal']]}"
            yield Problem(path, line, what, "Let measured_from be sequences in signals.csv, or choose another name")
        if measured_from.get(row["first"]) == "account_metrics":
            yield Problem(path, line, f"'{row['first']}' has no days", "Begin with a signal of events, or a sequence")
        if measured_from.get(row["then"], "events") != "events":
            what = f"'{row['then']}' is not measured from events"
            yield Problem(path, line, what, "To lengthen a sequence, let it be the first step of another")
        if not row["within_days"].strip().isdigit() and _is_number(row["within_days"]):
            yield Problem(path, line, f"'within_days' is '{row['within_days']}'", "Write whole days")
        yield from _chain(path, line, row["signal"], first_of)
    for line, row in tables["signals"]:
        if row["measured_from"] == "sequences" and row["signal"] not in first_of:
            what = f"nothing says which steps make '{row['signal']}'"
            yield Problem(str(folder / "signals.csv"), line, what, "Add it to sequences.csv, or measure it from events")


def _chain(path: str, line: int, signal: str, first_of: Mapping[str, str]) -> Iterator[Problem]:
    chain = [signal]
    while (first := first_of.get(chain[-1])) is not None:
        if first in chain:
            if first == signal:
                what = f"'{signal}' begins with itself: {' <- '.join([*chain, first])}"
                yield Problem(path, line, what, "Begin one of them with a signal of events")
            return
        chain.append(first)
    if len(chain) - 1 > LONGEST_CHAIN:
        what = f"'{signal}' is a chain of {len(chain) - 1} sequences, more than {LONGEST_CHAIN}"
        yield Problem(path, line, what, "Leave steps out")


def _unknown_metrics(folder: Path, tables: Tables) -> Iterator[Problem]:
    for line, row in tables["scoring_rules"]:
        measures = ACCOUNT_MEASURES.get(row["signal"], SIGNAL_MEASURES)
        if row["metric"] not in measures:
            what = f"signal '{row['signal']}' has no metric '{row['metric']}'"
            yield Problem(str(folder / "scoring_rules.csv"), line, what, f"Write one of {', '.join(measures)}")


def _identifier_types(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "identity_rules.csv")
    priorities: dict[str, int] = {}
    for line, row in tables["identity_rules"]:
        if row["priority"] in priorities:
            what = f"priority {row['priority']} stands on line {priorities[row['priority']]} already"
            yield Problem(path, line, what, "Give every type a priority of its own: the stronger one is the hub")
        priorities.setdefault(row["priority"], line)
        names = row["properties"].split()
        if row["identifier_type"] in SOURCE_IDENTIFIER_TYPES and names:
            what = f"'properties' is '{row['properties']}', but sources have a column for {row['identifier_type']}"
            yield Problem(path, line, what, "Leave it blank")
        if row["identifier_type"] not in SOURCE_IDENTIFIER_TYPES and not 1 <= len(names) <= 3:
            what = (
                f"nothing says where '{row['identifier_type']}' is to be found" if not names else "too many properties"
            )
            yield Problem(
                path, line, what, "Name one to three event properties in 'properties', with a blank between them"
            )
        if row["limit_days"] and not row["limit_per_person"]:
            yield Problem(
                path, line, "limit_days has nothing to limit", "Fill in limit_per_person, or leave both blank"
            )
    known = [row["identifier_type"] for _, row in tables["identity_rules"]]
    for line, row in tables["blocked_identifiers"]:
        if row["identifier_type"] != "*" and row["identifier_type"] not in known:
            what = f"identifier_type '{row['identifier_type']}' is unknown"
            fix = f"Write * for every type, or one of {', '.join(known)}"
            yield Problem(str(folder / "blocked_identifiers.csv"), line, what, fix)


def _signal_conditions(folder: Path, tables: Tables) -> Iterator[Problem]:
    for line, row in tables["signal_map"]:
        path = str(folder / "signal_map.csv")
        if bool(row["property"]) != bool(row["operator"]):
            yield Problem(path, line, "property and operator go together", "Fill in both, or neither")
        if row["operator"] in ("at_least", "at_most") and not number(float("-inf")).check(row["value"]):
            yield Problem(path, line, f"'value' is '{row['value']}'", f"'{row['operator']}' compares with a number")
        if row["operator"] and row["operator"] != "exists" and not row["value"]:
            yield Problem(path, line, "'value' is blank", f"'{row['operator']}' needs something to compare with")


def _settings(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "settings.csv")
    given = {row["setting"]: (line, row["value"]) for line, row in tables["settings"]}
    for name, column in SETTINGS.items():
        if name not in given:
            yield Problem(path, 1, f"setting '{name}' is missing", f"Add a line {name},…: {column.says}")
        elif not _is_given(given[name][1], column):
            yield Problem(path, given[name][0], f"'{name}' is '{given[name][1]}'", f"Write {column.says}")
    for name, (line, _) in given.items():
        if name not in SETTINGS:
            yield Problem(path, line, f"setting '{name}' is unknown", f"Settings are {', '.join(SETTINGS)}")
    preset_line, preset = given.get("label_preset", (1, "custom"))
    for name, value in LABEL_PRESETS.get(preset, {}).items():
        if name in given and given[name][1] != value:
            what = f"label_preset is {preset}, which has {name} {value}, but {name} is {given[name][1]}"
            yield Problem(path, preset_line, what, f"Write {name},{value} or label_preset,custom")


def _is_given(value: str, column: Column) -> bool:
    return column.check(value) if value.strip() else not column.required


def _bands(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "bands.csv")
    known = [row["segment"] for _, row in tables["segments"]]
    of_segment: dict[str, list[tuple[int, Row]]] = {"": []}
    for line, row in tables["bands"]:
        if row["segment"] and row["segment"] not in known:
            what = f"'{row['segment']}' is no segment of segments.csv"
            yield Problem(path, line, what, f"Write {' or '.join(['nothing (all accounts)', *known])}")
        of_segment.setdefault(row["segment"], []).append((line, row))
    for segment, rows in of_segment.items():
        yield from _borders(path, f" of segment '{segment}'" if segment else "", rows)


def _borders(path: str, of_segment: str, rows: list[tuple[int, Row]]) -> Iterator[Problem]:
    """What holds of the five grades of all accounts, or of those of one segment."""
    minimum = {
        row["grade"]: (line, float(row["minimum_score"])) for line, row in rows if _is_number(row["minimum_score"])
    }
    for grade in "ABCDE":
        if grade not in minimum:
            what = f"grade '{grade}'{of_segment} is missing"
            yield Problem(path, rows[0][0] if rows else 1, what, "Grades are A to E, one line each")
    for better, worse in zip("ABCD", "BCDE", strict=True):
        if better in minimum and worse in minimum and minimum[better][1] <= minimum[worse][1]:
            what = f"grade {better} begins at {minimum[better][1]:g}, not above grade {worse} at {minimum[worse][1]:g}"
            yield Problem(path, minimum[better][0], what, "A better grade needs a higher minimum_score")
    sure = {
        row["grade"]: (line, float(row["minimum_confidence"]))
        for line, row in rows
        if _is_number(row["minimum_confidence"])
    }
    for better, worse in zip("ABCD", "BCDE", strict=True):
        if better in sure and worse in sure and sure[better][1] < sure[worse][1]:
            what = f"grade {better} asks for less confidence than grade {worse}"
            yield Problem(path, sure[better][0], what, "A better grade needs at least as high a minimum_confidence")
    if "E" in sure and sure["E"][1] != 0:
        yield Problem(path, sure["E"][0], "accounts of less confidence would have no grade", "Let grade E ask for 0")
    if "E" in minimum and minimum["E"][1] != 0:
        yield Problem(path, minimum["E"][0], "scores below the lowest grade would have none", "Let grade E begin at 0")


def _rules(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "scoring_rules.csv")
    yield from _presets(folder, tables)
    caps: dict[tuple[str, str], tuple[int, str]] = {}
    for line, row in tables["scoring_rules"]:
        first_line, cap = caps.setdefault((row["preset"], row["rule_group"]), (line, row["cap"]))
        if row["cap"] != cap:
            what = f"group '{row['rule_group']}' has cap {row['cap']}, but {cap} on line {first_line}"
            yield Problem(path, line, what, "Give a group one cap")
        if _is_number(row["cap"]) and _is_number(row["points"]) and float(row["points"]) > float(row["cap"]):
            what = f"{row['points']} points are more than the cap {row['cap']} of group '{row['rule_group']}'"
            yield Problem(path, line, what, "Raise the cap, or lower the points: nobody would get them")
        yield from _empty_range(path, line, row)
    yield from _contradictions(path, tables["scoring_rules"])


def _presets(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "rule_presets.csv")
    presets = {row["preset"]: line for line, row in tables["rule_presets"]}
    for purpose in PURPOSES:
        of_purpose = [(line, row) for line, row in tables["rule_presets"] if row["purpose"] == purpose]
        used = [line for line, row in of_purpose if row["in_use"] == "true"]
        if len(used) != 1:
            what = f"{len(used)} presets are in use for {purpose}"
            yield Problem(path, used[-1] if used else 1, what, "Write in_use true on exactly one line of this purpose")
    for line, row in tables["rule_presets"]:
        bounds = row["qualified_from"], row["hot_from"]
        if all(_is_number(bound) for bound in bounds) and float(bounds[0]) > float(bounds[1]):
            what = f"hot_from {bounds[1]} is below qualified_from {bounds[0]}"
            yield Problem(path, line, what, "Hot accounts are the best of the qualified ones")
    for line, row in tables["scoring_rules"]:
        if row["preset"] not in presets:
            what = f"preset '{row['preset']}' is unknown"
            yield Problem(str(folder / "scoring_rules.csv"), line, what, f"Write one of {', '.join(presets)}")


def _contradictions(path: str, rows: list[tuple[int, Row]]) -> Iterator[Problem]:
    """Metrics that speak for an account in one group and against it in another; words and ranges with points twice."""
    speaks: dict[tuple[str, str, str], tuple[int, str, bool]] = {}
    words: dict[tuple[str, str, str, str, str], int] = {}
    for line, row in rows:
        group, metric = row["rule_group"], f"{row['signal']} {row['metric']}"
        is_text = row["metric"] in TEXT_MEASURES
        if is_text != bool(row["one_of"]) or (is_text and (row["from"] or row["below"])):
            fix = "Name its words in one_of" if is_text else "Write from and below, and leave one_of blank"
            yield Problem(path, line, f"'{metric}' is a {'text' if is_text else 'number'}", fix)
        for word in filter(None, row["one_of"].split("|")):
            first_line = words.setdefault((row["preset"], group, row["signal"], row["metric"], word), line)
            if first_line != line:
                yield Problem(path, line, f"'{word}' has points on line {first_line} already", "Keep one of the two")
        if not _is_number(row["points"]) or not float(row["points"]):
            continue
        adds = float(row["points"]) > 0
        first_line, first_group, added = speaks.setdefault(
            (row["preset"], row["signal"], row["metric"]), (line, group, adds)
        )
        if added != adds and first_group != group:
            what = f"'{metric}' {'adds' if adds else 'takes'} points here and the opposite on line {first_line}"
            yield Problem(path, line, what, "Let it speak for an account or against it, or put both in one group")
    yield from _overlaps_and_gaps(path, rows)


def _overlaps_and_gaps(path: str, rows: list[tuple[int, Row]]) -> Iterator[Problem]:
    ladders: dict[tuple[str, str, str], list[tuple[float, float, int]]] = {}
    for line, row in rows:
        low = float(row["from"]) if _is_number(row["from"]) else float("-inf")
        high = float(row["below"]) if _is_number(row["below"]) else float("inf")
        if low < high and not row["one_of"]:
            ladder = row["preset"], row["rule_group"], f"{row['signal']} {row['metric']}"
            ladders.setdefault(ladder, []).append((low, high, line))
    for (_, group, metric), steps in ladders.items():
        for (_, high, before), (low, _, line) in pairwise(sorted(steps)):
            if low < high:
                what = f"'{metric}' of group '{group}' overlaps with line {before}"
                yield Problem(path, line, what, f"Let one range end where the next begins: line {before} below {low:g}")
            elif low > high:
                what = f"'{metric}' of group '{group}' has no points from {high:g} to {low:g}"
                yield Problem(path, line, what, f"Begin at {high:g}, or give the gap a line with 0 points")


def _fit_criteria(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "fit_criteria.csv")
    tiers: dict[str, tuple[int, str]] = {}
    for line, row in tables["fit_criteria"]:
        first_line, tier = tiers.setdefault(row["profile"], (line, row["tier"]))
        if row["tier"] != tier:
            what = f"profile '{row['profile']}' is of tier {row['tier']}, but {tier} on line {first_line}"
            yield Problem(path, line, what, "Give a profile one tier, or another name")
        is_text = row["attribute"] in FIT_TEXTS
        ranges = bool(row["from"] or row["below"])
        if is_text != bool(row["one_of"]) or is_text == ranges:
            fix = "Name its words in one_of" if is_text else "Write from or below, and leave one_of blank"
            yield Problem(path, line, f"'{row['attribute']}' is a {'text' if is_text else 'number'}", fix)
        yield from _empty_range(path, line, row)


def _costs(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "costs.csv")
    given = {row["cost"]: (line, row["value"]) for line, row in tables["costs"]}
    for name in COSTS:
        if name not in given:
            yield Problem(path, 1, f"cost '{name}' is missing", f"Costs are {', '.join(COSTS)}, one line each")
        elif not given[name][1].strip() and name != "deal_value":
            yield Problem(path, given[name][0], f"'{name}' has no value", "Write one; only deal_value may be blank")
    share = given.get("share_due_to_sales", (1, ""))
    if _is_number(share[1]) and float(share[1]) > 1:
        yield Problem(path, share[0], f"share_due_to_sales is {share[1]}", "Write a number from 0 to 1")


def _phrases(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "phrases.csv")
    given = {row["phrase"] for _, row in tables["phrases"]}
    for name in PHRASES:
        if name not in given:
            yield Problem(
                path, 1, f"phrase '{name}' is missing", f"Copy its line from {PROJECT_SEEDS.name}/phrases.csv"
            )
    for line, row in tables["phrases"]:
        held, wanted = set(re.findall(r"{(.*?)}", row["text"])), set(PHRASES.get(row["phrase"], ()))
        if row["phrase"] in PHRASES and held != wanted:
            words = " and ".join(f"{{{word}}}" for word in PHRASES[row["phrase"]]) or "no curly brackets"
            fix = f"Write {words} in it"
            yield Problem(
                path, line, f"'{row['phrase']}' holds {', '.join(sorted(held)) or 'no word in brackets'}", fix
            )
    for line, row in tables["signals"]:
        if ";" in row["label"]:
            what = f"label '{row['label']}' holds a semicolon, which stands between reasons"
            yield Problem(str(folder / "signals.csv"), line, what, "Word it without")


def _exclusions(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "exclusions.csv")
    for line, row in tables["exclusions"]:
        if row["kind"] in EXCLUSION_PATTERNS and not pattern().check(row["value"]):
            yield Problem(path, line, f"'value' is '{row['value']}'", f"A {row['kind']} is a regular expression")
        if row["kind"] == "state" and row["value"] not in EXCLUSION_STATES:
            yield Problem(path, line, f"'value' is '{row['value']}'", f"States are {', '.join(EXCLUSION_STATES)}")


def _segments(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "segments.csv")
    used = {row["signal"] for _, row in tables["signals"] if row["use_in_model"] == "true"}
    known = {row["signal"] for _, row in tables["signals"]}
    positions: dict[str, int] = {}
    for line, row in tables["segments"]:
        if row["segment"] == "all":
            yield Problem(path, line, "'all' is the name of the whole", "Call the segment something else")
        if row["position"] in positions:
            what = f"position {row['position']} stands on line {positions[row['position']]} already"
            yield Problem(path, line, what, "Give every segment a position of its own")
        positions.setdefault(row["position"], line)
        measures = ACCOUNT_MEASURES.get(row["signal"], MODEL_MEASURES)
        numbers = [measure for measure in measures if measure not in TEXT_MEASURES]
        if row["signal"] in known and row["metric"] not in numbers:
            what = f"signal '{row['signal']}' has no number '{row['metric']}' that a model reads"
            fix = f"Write one of {', '.join(numbers)}" if numbers else "Name another signal"
            yield Problem(path, line, what, fix)
        if row["signal"] in known - used:
            what = f"the model does not use '{row['signal']}'"
            yield Problem(path, line, what, "Name a signal with use_in_model true in signals.csv")
        if not row["from"].strip() and not row["below"].strip():
            yield Problem(path, line, "everybody would belong to it", "Fill in 'from' or 'below'")
        yield from _empty_range(path, line, row)


def _empty_range(path: str, line: int, row: Row) -> Iterator[Problem]:
    if _is_number(row["from"]) and _is_number(row["below"]) and float(row["from"]) >= float(row["below"]):
        what = f"the range {row['from']} to {row['below']} is empty"
        yield Problem(path, line, what, "'below' must be greater than 'from'")


def _routing(folder: Path, tables: Tables) -> Iterator[Problem]:
    """What holds of the matrix as a whole; only once every cell of both files is right by itself."""
    rules, owners = tables["routing_rules"], tables["owners"]
    if all(_is_right(name, row) for name in ("routing_rules", "owners") for _, row in tables[name]):
        yield from _problems(folder / "routing_rules.csv", matrix_findings(rules))
        yield from _problems(folder / "routing_rules.csv", role_findings(rules, owners))
        yield from _problems(folder / "owners.csv", owner_findings(owners))
        yield from _problems(folder / "owners.csv", reach_findings(rules, owners))


def _talking_points(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "talking_points.csv")
    measured_from = {row["signal"]: row["measured_from"] for _, row in tables["signals"]}
    for line, row in tables["talking_points"]:
        if row["signal"] != "team" and measured_from.get(row["signal"], "events") == "account_metrics":
            yield Problem(
                path, line, f"'{row['signal']}' cannot be counted", "Name a signal of events or sequences, or team"
            )
        if "{n}" not in row["many"]:
            yield Problem(path, line, "'many' does not say how many", "Write {n} where the number belongs")


def _play_overrides(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "play_overrides.csv")
    plays = sorted({row["play"] for _, row in tables["routing_rules"]})
    owners = [row["owner"] for _, row in tables["owners"]]
    for line, row in tables["play_overrides"]:
        if row["play"] not in (*plays, "none"):
            yield Problem(path, line, f"play '{row['play']}' is unknown", f"Write none, or one of {', '.join(plays)}")
        if row["owner"].strip() and row["owner"] not in owners:
            yield Problem(
                path, line, f"owner '{row['owner']}' is not in owners.csv", "Add them there, or leave it blank"
            )


def _marketing_rules(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "marketing_rules.csv")
    for line, row in tables["marketing_rules"]:
        if _is_number(row["points"]) and _is_number(row["cap"]) and float(row["cap"]) < float(row["points"]):
            what = f"one touch gives {row['points']} points, more than the cap of {row['cap']}"
            yield Problem(path, line, what, "Raise 'cap', or lower 'points'")


def _is_right(name: str, row: Row) -> bool:
    return all(
        column.check(row[column_name]) if row[column_name].strip() else not column.required
        for column_name, column in FILES[name].items()
    )


def _problems(path: Path, findings: Iterable[Finding]) -> Iterator[Problem]:
    return (Problem(str(path), line, what, fix) for line, what, fix in findings)


def _membership_rules(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "membership_rules.csv")
    lines: dict[float, int] = {}
    for line, row in tables["membership_rules"]:
        if not _is_number(row["priority"]):
            continue
        first_line = lines.setdefault(float(row["priority"]), line)
        if first_line != line:
            what = f"priority {row['priority']} stands on line {first_line} already"
            yield Problem(path, line, what, "Give every rule a priority of its own")
    given = {row["rule"] for _, row in tables["membership_rules"]}
    for rule in MEMBERSHIP_RULES:
        if rule not in given:
            yield Problem(path, 1, f"rule '{rule}' is missing", "Give it a line; a low priority makes it weak")


def _overrides(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "identity_overrides.csv")
    person_types = [row["identifier_type"] for _, row in tables["identity_rules"]]
    known = (*person_types, *ORGANISATION_TYPES)
    decided: dict[frozenset[tuple[str, str]], int] = {}
    for line, row in tables["identity_overrides"]:
        unknown = [name for name in ("identifier_type", "other_type") if row[name].strip() and row[name] not in known]
        for name in unknown:
            yield Problem(path, line, f"'{name}' is '{row[name]}'", f"Write one of {', '.join(known)}")
        if unknown:
            continue
        pair = frozenset(
            {_node(row["identifier_type"], row["identifier"]), _node(row["other_type"], row["other_identifier"])}
        )
        if len(pair) == 1:
            yield Problem(path, line, "both identifiers are the same", "Name two")
        elif pair in decided:
            what = f"this pair stands on line {decided[pair]} already"
            yield Problem(path, line, what, "Keep one of the two decisions")
        decided.setdefault(pair, line)
        yield from _person_and_organisation(path, line, row)


def _person_and_organisation(path: str, line: int, row: Row) -> Iterator[Problem]:
    is_organisation = row["identifier_type"] in ORGANISATION_TYPES
    if is_organisation == (row["other_type"] in ORGANISATION_TYPES):
        return
    if is_organisation:
        yield Problem(path, line, "a person's identifier comes after the organisation's", "Write the person's first")
    if row["decision"].strip() == "separate":
        what = "a person and an organisation cannot be kept apart"
        yield Problem(path, line, what, "Join the person to the organisation that is right")


def _limits(folder: Path, tables: Tables) -> Iterator[Problem]:
    path = str(folder / "limit_usage.csv")
    for line, row in tables["limit_usage"]:
        counts_people = row["measure"] == "people_28d"
        if counts_people and row["signal"]:
            yield Problem(path, line, "people_28d counts the people of every signal", "Leave 'signal' blank")
        if not counts_people and not row["signal"]:
            yield Problem(path, line, f"nothing says what '{row['measure']}' counts", "Name a signal in 'signal'")
    measured = {row["limit_name"] for _, row in tables["limit_usage"]}
    for line, row in tables["plan_limits"]:
        if row["limit_name"] not in measured:
            what = f"nothing says how much of '{row['limit_name']}' is used"
            yield Problem(str(folder / "plan_limits.csv"), line, what, "Give it a line in limit_usage.csv")


def _node(identifier_type: str, identifier: str) -> tuple[str, str]:
    trimmed = identifier.strip()
    return identifier_type, trimmed.lower() if identifier_type in ("email", "domain") else trimmed


def _is_number(value: str) -> bool:
    return number(float("-inf")).check(value)
