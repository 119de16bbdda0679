"""Which domain an address or a website belongs to, and whether it may be a company's.

One build of the real models on hosts of every shape, the official vectors of the public suffix list, and 12,000
addresses at the proportions of real sign-ups.
"""

import csv
import os
import random
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from domains_addresses import Address, Listed, generated_addresses, usable_lists

from warehouse.connection import open_working
from warehouse.reference_lists import load_reference_lists, mail_domains, unicode_name
from warehouse.runs import ensure_ledger

PROJECT = Path(__file__).resolve().parents[2]
SHARED_DATA = Path(os.environ.get("PQL_SHARED_DATA", PROJECT.parent / "shared" / "data"))
VECTORS = SHARED_DATA / "public_suffix_list" / "test_psl.txt"
LISTS = SHARED_DATA / "email_domain_lists"
SEED = 20_261_125
NEW_YEAR = datetime(2026, 1, 1)  # noqa: DTZ001 - times in the warehouse are UTC without a zone

# Address or website, registrable domain (None: it is none), kind.
HOSTS = [
    ("ada@acme.example", "acme.example", "corporate"),
    ("ada@mail.eu.acme.co.uk", "acme.co.uk", "corporate"),
    ("https://www.acme.com/about?x=1#y", "acme.com", "corporate"),
    ("HTTPS://User:Pass@Shop.ACME.com:8443/", "acme.com", "corporate"),
    ("acme.com:8080", "acme.com", "corporate"),
    ("  acme.com\n", "acme.com", "corporate"),
    ("https://medium.example/@acme", "medium.example", "corporate"),
    ("acme.com/first\nsecond line", "acme.com", "corporate"),
    ("ada@ACME.COM", "acme.com", "corporate"),
    ("ada@acme.com.", "acme.com", "corporate"),
    ("https://acme.com./", "acme.com", "corporate"),
    ("acme.com..", None, "not a domain"),
    ("acme..com", None, "not a domain"),
    # Unlisted top levels, as in a network of one's own.
    ("ada@acme.internal-tld", "acme.internal-tld", "corporate"),
    ("ada@eu.acme.internal-tld", "acme.internal-tld", "corporate"),
    ("localhost", None, "not a domain"),
    ("ada@localhost", None, "not a domain"),
    # Literals.
    ("ada@[192.168.0.1]", None, "not a domain"),
    ("10.0.0.1", None, "not a domain"),
    ("http://10.0.0.1:8080/x", None, "not a domain"),
    ("ada@10.0.0.1", None, "not a domain"),
    ("1.2.3.4.5", None, "not a domain"),
    ("0x7f.0x0.0x0.0x1", None, "not a domain"),
    ("ada@[IPv6:2001:db8::1]", None, "not a domain"),
    ("http://[2001:db8::1]/", None, "not a domain"),
    ("http://[::ffff:192.0.2.1]:80/", None, "not a domain"),
    # Two @ are ambiguous: neither host is guessed.
    ("ada@acme.com@evil.example", None, "not a domain"),
    # Labels.
    ("my_company.com", None, "not a domain"),
    ("files_old.acme.com", "acme.com", "corporate"),
    ("-acme.com", None, "not a domain"),
    ("acme-.com", None, "not a domain"),
    ("a" * 63 + ".com", "a" * 63 + ".com", "corporate"),
    ("a" * 64 + ".com", None, "not a domain"),
    (".".join(["a"] * 122) + ".acme.com", "acme.com", "corporate"),  # 252 characters
    (".".join(["a"] * 123) + ".acme.com", None, "not a domain"),  # 254
    ("ada@" + "x" * 1_000_000 + ".com", None, "not a domain"),
    ("acme.com, acme.de", None, "not a domain"),
    ("acme com", None, "not a domain"),
    ("Ada <ada@acme.com>", None, "not a domain"),
    # Characters that no name may hold.
    ("ac\x00me.com", None, "not a domain"),
    ("ac\x07me.com", None, "not a domain"),
    ("ac\u200bme.com", None, "not a domain"),
    ("\u202eacme.com", None, "not a domain"),
    ("i❤.ws", None, "not a domain"),
    ("xn--i-7iq.ws", None, "not a domain"),
    # Letters of any script, in either spelling.
    ("دانشگاه.ایران.ir", "دانشگاه.ایران.ir", "corporate"),
    ("ada@דוגמה.co.il", "דוגמה.co.il", "corporate"),
    ("ada@München.de", "münchen.de", "corporate"),
    ("ada@mu\u0308nchen.de", "münchen.de", "corporate"),
    ("ada@xn--mnchen-3ya.de", "münchen.de", "corporate"),
    ("ada@mail.XN--MNCHEN-3YA.de", "münchen.de", "corporate"),
    ("faß.de", "faß.de", "corporate"),
    ("xn--fa-hia.de", "faß.de", "corporate"),
    ("www.食狮.公司.cn", "食狮.公司.cn", "corporate"),
    ("www。食狮。公司。cn", "食狮.公司.cn", "corporate"),
    ("ａｃｍｅ．com", "acme.com", "corporate"),
    ("xn--.com", None, "not a domain"),
    ("xn--acme-.com", None, "not a domain"),
    ("xn--99999999.com", "xn--99999999.com", "corporate"),
    # Lists: a name stands for what is beneath it, the longest counts, our own file beats the libraries'.
    ("ada@gmail.com", "gmail.com", "free"),
    ("ada@GoogleMail.com", "googlemail.com", "free"),
    ("ada@mailinator.com", "mailinator.com", "disposable"),
    ("ada@anything.mailinator.com", "mailinator.com", "disposable"),
    ("ada@comcast.net", "comcast.net", "isp"),
    ("ada@cs.stanford.edu", "stanford.edu", "education"),
    ("ada@some-new-college.edu", "some-new-college.edu", "education"),
    ("ada@some-new-college.ac.uk", "some-new-college.ac.uk", "education"),
    ("ada@some-new-school.k12.ca.us", "some-new-school.k12.ca.us", "education"),
    ("ada@ethz.ch", "ethz.ch", "education"),
    ("ada@students.acme.com", "acme.com", "excluded"),
    ("https://docs.google.com/document/1", "google.com", "free"),
    ("ada@google.com", "google.com", "corporate"),
    ("ada@att.com", "att.com", "corporate"),
    # What stands beneath a public suffix has an owner of its own, whatever a list says of the suffix.
    ("ada@acme.web.id", "acme.web.id", "corporate"),
    ("https://acme.github.io", "acme.github.io", "corporate"),
]  # fmt: skip
NO_HOST = ["", " ", "ada@", "https://", "first.last@", "@", "://", "/", ":"]
# Without an @ it is no address, even where it would be a host.
NO_ADDRESS = ["first.last", "ada", "acme.example.org", "🦆", "\u202e", "x" * 100_000]
AS_WEBSITES = [text for text, _, _ in HOSTS] + NO_HOST
AS_ADDRESSES = [text for text, _, _ in HOSTS if re.fullmatch("[^@/]*@[^/]*", text)] + NO_HOST + NO_ADDRESS


# CRM account's website; a person who has an address there, and whether the address ties the person to the account.
CRM_ACCOUNTS = [
    ("https://www.twc.com", "ada@twc.com", False),  # isp: subscribers have such addresses too
    ("facebook.com", "ada@facebook.com", False),
    ("http://gmail.com", "ada.one@gmail.com", False),
    ("https://www.stanford.edu", "ada@cs.stanford.edu", False),
    ("mailinator.com", "ada@mailinator.com", False),
    ("https://www.att.com", "ada@att.com", True),  # allow: subscribers have att.net
    ("starbucks.com", "ada@starbucks.com", True),
    ("acme-of-the-crm.example", "ada@acme-of-the-crm.example", True),
]


def spellings() -> dict[str, str]:
    """Random labels in letters of many scripts by their xn-- form, as Python's own codec spells it."""
    chance = random.Random(SEED)  # noqa: S311 - test data
    alphabets = (
        "abcxyz0189-",
        "äöüßéñçøåł",
        "бвгджзийклмн",
        "אבגדהוז",
        "你好世界中文网络",
        "ひらがなカタカナ",
        "𐌰𐌱𐌲𐌳",
        "กขคงจ",
    )
    labels = {
        "a" + "".join(chance.choice(chance.choice(alphabets)) for _ in range(chance.randint(1, 18))) + "é"
        for _ in range(400)
    }
    return {encoded: label for label in labels if len(encoded := "xn--" + label.encode("punycode").decode()) <= 63}


def vectors() -> list[tuple[str | None, str | None]]:
    """(host, registrable domain) of the official test file; none where it is absent."""
    if not VECTORS.exists():
        return []
    pattern = re.compile(r"^checkPublicSuffix\((null|'[^']*'), (null|'[^']*')\);", re.MULTILINE)
    texts = pattern.findall(VECTORS.read_text(encoding="utf-8"))
    return [tuple(None if text == "null" else text.strip("'") for text in vector) for vector in texts]


def needs(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"{path.name} is absent; set PQL_SHARED_DATA to the folder that holds {path.parent.name}")


@pytest.fixture(scope="module")
def lists() -> Listed | None:
    return usable_lists(LISTS) if LISTS.is_dir() else None


@pytest.fixture(scope="module")
def addresses(lists: Listed | None) -> list[Address]:
    return generated_addresses(lists, SEED) if lists else []


@pytest.fixture(scope="module")
def read(
    dbt: Callable[..., object], tmp_path_factory: pytest.TempPathFactory, addresses: list[Address]
) -> Callable[[str], list[tuple]]:
    """Builds seeds to accounts, once for all tests of this file; reads from what was built."""
    home = tmp_path_factory.mktemp("domains")
    hosts = [host for host, _ in vectors()]
    people = [
        *(("shape", f"shape {number}", text) for number, text in enumerate(AS_ADDRESSES)),
        *(("vector", f"vector {number}", host and f"ada@{host}") for number, host in enumerate(hosts)),
        *(("crm", f"crm {number}", address) for number, (_, address, _) in enumerate(CRM_ACCOUNTS)),
        *(("generated", f"generated {number}", address.text) for number, address in enumerate(addresses)),
    ]
    websites = [
        *(("shape", f"shape {number}", text) for number, text in enumerate(AS_WEBSITES)),
        *(("spelling", f"spelling {label}", f"{label}.com") for label in spellings()),
        *(("vector", f"vector {number}", host and f"https://{host}/") for number, host in enumerate(hosts)),
    ]
    with open_working(home) as backend:
        load_reference_lists(backend)
        ensure_ledger(backend)
        backend.con.execute("create schema backend")
        backend.con.execute("create schema salesforce")
        write(backend.con, "backend.people", ("source", "user_id", "email"), people)
        write(backend.con, "backend.accounts", ("source", "group_id", "domain"), websites)
        crm_accounts = [(f"crm {number}", website, website) for number, (website, _, _) in enumerate(CRM_ACCOUNTS)]
        write(backend.con, "salesforce.account", ("id", "name", "website"), crm_accounts)
    dbt(
        home, "build", "--quiet", "--exclude-resource-type", "unit_test", "--indirect-selection", "cautious",
        "--select", "resource_type:seed", "+accounts", "+account_members",
    )  # fmt: skip

    def rows(query: str) -> list[tuple]:
        with duckdb.connect(str(home / "pql.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()

    return rows


def write(connection: duckdb.DuckDBPyConnection, table: str, columns: tuple[str, ...], rows: list[tuple]) -> None:
    connection.register("incoming", pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))))
    connection.execute(
        f"create table {table} as select *, ?::timestamp as available_at, ?::timestamp as created_date, "
        "row_number() over () as _version, 'row ' || row_number() over () as _row_key from incoming",
        [NEW_YEAR, NEW_YEAR],
    )


def test_a_host_of_any_shape_has_its_domain_and_kind(read: Callable[[str], list[tuple]]) -> None:
    found = {
        AS_WEBSITES[number]: (domain, kind)
        for number, domain, kind in read(
            """
            select cast(substr(accounts.group_id, 7) as integer), hosts.domain, hosts.kind
            from staging.stg_backend__accounts as accounts
            inner join identity.email_hosts as hosts on accounts.website_host = hosts.host
            where accounts.source = 'shape'
            """
        )
    }
    expected = {text: (domain, kind) for text, domain, kind in HOSTS}
    assert {text[:80]: answer for text, answer in found.items() if answer != expected.get(text)} == {}
    assert found.keys() == expected.keys()


def test_only_a_corporate_address_maps_its_person_to_a_domain(read: Callable[[str], list[tuple]]) -> None:
    found = {
        AS_ADDRESSES[number]: domain
        for number, domain in read(
            """
            select cast(substr(node, 15) as integer), substr(organisation_node, 8)
            from identity.membership_evidence
            where rule = 'corporate_domain' and node like 'user_id:shape %'
            """
        )
    }
    assert found == {text: domain for text, domain, kind in HOSTS if text in AS_ADDRESSES and kind == "corporate"}


def test_all_vectors_of_the_public_suffix_list_pass_as_websites_and_as_addresses(
    read: Callable[[str], list[tuple]],
) -> None:
    needs(VECTORS)
    assert len(vectors()) == 78
    as_website = dict(
        read(
            """
            select accounts.group_id, hosts.domain
            from staging.stg_backend__accounts as accounts
            left join identity.email_hosts as hosts on accounts.website_host = hosts.host
            where accounts.source = 'vector'
            """
        )
    )
    as_address = dict(
        read(
            r"""
            select people.user_id, hosts.domain
            from staging.stg_backend__people as people
            left join identity.email_hosts as hosts
                on regexp_replace(split_part(people.email, '@', 2), '^www\.([^.]+\..+)$', '\1') = hosts.host
            where people.source = 'vector'
            """
        )
    )
    for number, (host, domain) in enumerate(vectors()):
        # Two spellings of one host have one domain, so the file's xn-- answers are read in letters.
        expected = domain and unicode_name(domain)
        assert as_website[f"vector {number}"] == expected, f"{host} as a website"
        assert as_address[f"vector {number}"] == expected, f"{host} in an address"


def test_an_xn_label_is_read_as_python_reads_it(read: Callable[[str], list[tuple]]) -> None:
    found = dict(
        read(
            """
            select substr(accounts.group_id, 10), hosts.domain
            from staging.stg_backend__accounts as accounts
            inner join identity.email_hosts as hosts on accounts.website_host = hosts.host
            where accounts.source = 'spelling'
            """
        )
    )
    assert len(found) > 300, f"seed {SEED}"
    assert found == {label: unicode_name(f"{label}.com") for label in spellings()}, f"seed {SEED}"


def test_a_crm_account_at_a_listed_domain_stays_a_company_and_its_address_ties_nobody_to_it(
    read: Callable[[str], list[tuple]],
) -> None:
    accounts = dict(read("select crm_account_id, account_id from identity.accounts where kind = 'company'"))
    members = dict(
        read(
            """
            select people.identifier, members.account_id
            from identity.person_identifiers as people
            inner join identity.account_members as members on people.person_id = members.person_id
            where people.identifier_type = 'user_id' and people.identifier like 'crm %'
                and members.matched_by <> 'individual'
            """
        )
    )
    names = [f"crm {number}" for number in range(len(CRM_ACCOUNTS))]
    assert accounts.keys() >= set(names)
    assert members == {
        name: accounts[name] for name, (_, _, is_tied) in zip(names, CRM_ACCOUNTS, strict=True) if is_tied
    }


def test_a_student_is_an_individual(read: Callable[[str], list[tuple]]) -> None:
    kinds = read(
        """
        select accounts.kind
        from identity.person_identifiers as people
        inner join identity.account_members as members on people.person_id = members.person_id
        inner join identity.accounts as accounts on members.account_id = accounts.account_id
        where people.identifier in ('ada@some-new-college.edu', 'ada@some-new-college.ac.uk', 'ada@ethz.ch')
        """
    )
    assert kinds == [("individual",)] * 3


def test_the_generated_addresses_have_the_proportions_of_real_sign_ups(addresses: list[Address]) -> None:
    needs(LISTS)
    assert len(addresses) == 12_000
    assert len({address.text.lower() for address in addresses}) == 12_000
    assert sum(address.domain == "gmail.com" for address in addresses) > 3_000
    assert sum(address.kind == "corporate" for address in addresses) == 3_000
    assert len({address.domain for address in addresses if address.kind in ("free", "disposable")}) > 1_200


def test_no_company_account_for_a_free_or_disposable_domain_among_12_000_addresses(
    read: Callable[[str], list[tuple]], addresses: list[Address], lists: Listed | None
) -> None:
    needs(LISTS)
    print(f"seed {SEED}")
    for line in coverage(lists, addresses):
        print(line)
    domains = {
        domain
        for (domain,) in read(
            "select domain from identity.accounts where kind = 'company' and coalesce(group_id, crm_account_id) is null"
        )
    }
    unwanted = {address.domain for address in addresses if address.kind != "corporate"}
    assert not sorted(domains & unwanted), f"seed {SEED}"
    companies = dict(read(MEMBERSHIPS))
    wrong = [
        address.text
        for number, address in enumerate(addresses)
        if address.kind != "corporate" and f"generated {number}" in companies
    ]
    assert not wrong, f"seed {SEED}"


def test_every_corporate_one_of_12_000_addresses_has_its_company(
    read: Callable[[str], list[tuple]], addresses: list[Address]
) -> None:
    needs(LISTS)
    companies = dict(read(MEMBERSHIPS))
    missing = [
        (address.text, address.domain, companies.get(f"generated {number}"))
        for number, address in enumerate(addresses)
        if address.kind == "corporate" and companies.get(f"generated {number}") != address.domain
    ]
    assert not missing, f"seed {SEED}"


MEMBERSHIPS = """
    select people.identifier, accounts.domain
    from identity.person_identifiers as people
    inner join identity.account_members as members on people.person_id = members.person_id
    inner join identity.accounts as accounts on members.account_id = accounts.account_id and accounts.kind = 'company'
    where people.identifier_type = 'user_id' and people.identifier like 'generated %'
"""


def listed_names() -> set[str]:
    """What the libraries and our own file list as no company's."""
    with (PROJECT / "seeds" / "email_domains.csv").open(encoding="utf-8", newline="") as file:
        own = {row["domain"]: row["kind"] for row in csv.DictReader(file)}
    allowed = {domain for domain, kind in own.items() if kind == "allow"}
    return (set(mail_domains().column("domain").to_pylist()) | set(own)) - allowed


def coverage(lists: Listed, addresses: list[Address]) -> list[str]:
    """The share of the lists that others keep which ours know, by domains and by generated addresses."""
    known = listed_names()

    def share(domains: Sequence[str]) -> str:
        found = sum(any(name in known for name in _upwards(unicode_name(domain))) for domain in domains)
        return f"{found} of {len(domains)} ({found / len(domains):.2%})"

    lines = [f"free list: {share(lists.free)} domains", f"disposable lists: {share(lists.disposable)} domains"]
    for kind in ("free", "disposable"):
        lines.append(f"{kind}: {share([address.domain for address in addresses if address.kind == kind])} addresses")
    return lines


def _upwards(host: str) -> list[str]:
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]
