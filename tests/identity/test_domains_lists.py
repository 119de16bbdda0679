"""The lists of the libraries and our own, before any SQL: what they must hold, and what they must not."""

import csv
import re
import unicodedata
from pathlib import Path

import pytest

from warehouse.reference_lists import mail_domains, public_suffixes, unicode_name

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def kinds() -> dict[str, str]:
    return dict(zip(*mail_domains().to_pydict().values(), strict=True))


@pytest.fixture(scope="module")
def own() -> list[tuple[str, str]]:
    with (PROJECT / "seeds" / "email_domains.csv").open(encoding="utf-8", newline="") as file:
        return [(row["domain"], row["kind"]) for row in csv.DictReader(file)]


def test_the_libraries_still_ship_lists_of_their_known_size(kinds: dict[str, str]) -> None:
    # Half of what they shipped in November 2026: a release that lost its data is noticed here.
    sizes = {kind: list(kinds.values()).count(kind) for kind in ("free", "disposable", "education")}
    assert sizes["free"] > 2_000
    assert sizes["disposable"] > 80_000
    assert sizes["education"] > 13_000
    assert sum(sizes.values()) == mail_domains().num_rows == len(kinds)


@pytest.mark.parametrize(
    ("domain", "kind"),
    [
        ("gmail.com", "free"),
        ("mailinator.com", "disposable"),
        ("0-mail.com", "disposable"),  # on the free list too
        ("columbia.edu", "education"),
        ("purdue.edu", "education"),  # on the free list too
        ("xn--80ak6aa92e.com", None),
        ("siemens.com", None),
    ],
)
def test_a_domain_on_several_lists_has_its_strongest_kind(kinds: dict[str, str], domain: str, kind: str | None) -> None:
    assert kinds.get(domain) == kind


def test_no_library_names_a_public_suffix_as_a_mail_provider(kinds: dict[str, str]) -> None:
    suffixes = set(public_suffixes().column("suffix").to_pylist())
    assert not sorted(domain for domain in suffixes if kinds.get(domain) in ("free", "disposable"))
    assert {"web.id", "eu.org"} <= suffixes


def test_names_are_in_one_spelling(kinds: dict[str, str], own: list[tuple[str, str]]) -> None:
    names = list(kinds) + [domain for domain, _ in own]
    assert not [name for name in names if name != unicode_name(name)]
    assert not [name for name in names if re.search(r"[\s@*/]", name)]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("ACME.com", "acme.com"),
        ("xn--mnchen-3ya.de", "münchen.de"),
        ("XN--MNCHEN-3YA.de", "münchen.de"),
        (unicodedata.normalize("NFD", "münchen.de"), "münchen.de"),
        ("xn--acme-.com", "xn--acme-.com"),
        ("xn--.com", "xn--.com"),
        ("xn--99999999.com", "xn--99999999.com"),
        ("xn--ü.com", "xn--ü.com"),
    ],
)
def test_one_host_has_one_name(host: str, name: str) -> None:
    assert unicode_name(host) == name


def test_our_own_list_is_sorted_and_names_each_domain_once(own: list[tuple[str, str]]) -> None:
    assert [domain for domain, _ in own] == sorted({domain for domain, _ in own})


def test_our_own_list_allows_only_what_some_list_refuses(own: list[tuple[str, str]], kinds: dict[str, str]) -> None:
    # These five are on npm lists that other tests read; another release of a library may take them over.
    elsewhere = {"att.com", "charter.com", "comcast.com", "starbucks.com", "verizon.com"}
    assert {domain for domain, kind in own if kind == "allow"} - kinds.keys() == elsewhere
