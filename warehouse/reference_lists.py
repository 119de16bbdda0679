"""Lists that well-kept libraries ship, as tables that SQL can join: public suffixes and throw-away mail domains."""

from importlib.resources import files

import pyarrow as pa
from disposable_email_domains import blocklist

from warehouse.connection import Backend
from warehouse.tables import replace_table


def load_reference_lists(backend: Backend) -> dict[str, int]:
    """Replace `reference.public_suffixes` and `reference.disposable_domains`; returns their row counts."""
    suffixes = public_suffixes()
    disposable = pa.table({"domain": sorted(blocklist)})
    replace_table(backend, "reference", "public_suffixes", suffixes)
    replace_table(backend, "reference", "disposable_domains", disposable)
    return {"public_suffixes": suffixes.num_rows, "disposable_domains": disposable.num_rows}


def public_suffixes() -> pa.Table:
    """(suffix, kind) of the public suffix list (publicsuffix.org), kind being normal, wildcard or exception.

    A name outside ASCII stands twice, as written and in its xn-- form, since hosts arrive in either.
    """
    text = files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text(encoding="utf-8")
    rules: set[tuple[str, str]] = set()
    for line in text.splitlines():
        rule = line.split(maxsplit=1)[0] if line.strip() else ""
        if not rule or rule.startswith("//"):
            continue
        kind = "exception" if rule.startswith("!") else "wildcard" if rule.startswith("*.") else "normal"
        suffix = rule.removeprefix("!").removeprefix("*.")
        rules.add((suffix, kind))
        rules.add((suffix.encode("idna").decode("ascii"), kind))
    ordered = sorted(rules)
    return pa.table({"suffix": [rule[0] for rule in ordered], "kind": [rule[1] for rule in ordered]})
