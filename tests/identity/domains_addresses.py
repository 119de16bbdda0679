"""12,000 addresses at the proportions of real sign-ups: big providers, a long tail of listed ones, and companies."""

import random
import re
from dataclasses import dataclass
from pathlib import Path

from publicsuffixlist import PublicSuffixList

from warehouse.reference_lists import unicode_name

ADDRESSES = 12_000
# Of a hundred sign-ups: at a big provider, at a small one, at a throw-away mailbox, at a company.
SHARES = {"big": 60, "free": 10, "disposable": 5, "corporate": 25}

# Of ten thousand addresses at big providers, rounded from what mailing services publish of their lists.
BIG_PROVIDERS = {
    "gmail.com": 5300, "yahoo.com": 780, "hotmail.com": 720, "outlook.com": 510, "icloud.com": 330, "qq.com": 260,
    "aol.com": 180, "mail.ru": 170, "163.com": 150, "live.com": 120, "yandex.ru": 110, "yahoo.co.jp": 90,
    "naver.com": 90, "gmx.de": 80, "web.de": 80, "hotmail.fr": 80, "orange.fr": 70, "msn.com": 70,
    "hotmail.co.uk": 70, "yahoo.co.in": 60, "yahoo.com.br": 60, "yahoo.co.uk": 55, "libero.it": 50, "comcast.net": 50,
    "wanadoo.fr": 45, "protonmail.com": 40, "free.fr": 40, "uol.com.br": 35, "bol.com.br": 30, "yahoo.fr": 30,
    "me.com": 30, "rediffmail.com": 25, "proton.me": 25, "wp.pl": 25, "googlemail.com": 25, "seznam.cz": 20,
    "126.com": 20, "ymail.com": 20, "t-online.de": 20, "rambler.ru": 15, "hanmail.net": 15, "sbcglobal.net": 15,
    "btinternet.com": 15, "o2.pl": 15, "bk.ru": 10, "gmx.net": 10, "att.net": 10, "verizon.net": 10,
    "bellsouth.net": 10, "cox.net": 10, "laposte.net": 10, "ukr.net": 10, "zoho.com": 5, "hey.com": 5,
    "fastmail.com": 5, "tutanota.com": 5, "bigpond.com": 5, "shaw.ca": 5,
}  # fmt: skip

# Companies whose own domain a list took for a mailbox provider's: errors of the lists, not of ours.
LISTED_COMPANIES = {
    "alibaba.com", "ancestry.com", "angi.com", "att.com", "bolt.com", "cbamboo.com", "charter.com", "comcast.com",
    "cox.com", "discovery.com", "e2estudios.com", "facebook.com", "parrot.com", "purple.dev", "ruffrey.com",
    "singpost.com", "sm.westchestergov.com", "starbucks.com", "twc.com", "ubicloud.com", "verizon.com",
}  # fmt: skip

REAL_COMPANIES = (
    "siemens.com", "sap.com", "bosch.com", "allianz.de", "ikea.com", "toyota.com", "sony.com", "samsung.com",
    "tesco.com", "bbc.co.uk", "barclays.com", "unilever.com", "nestle.com", "novartis.com", "airbus.com", "dhl.com",
    "maersk.com", "klm.com", "spotify.com", "klarna.com", "stripe.com", "shopify.com", "atlassian.com", "github.com",
    "gitlab.com", "datadoghq.com", "snowflake.com", "elastic.co", "mongodb.com", "figma.com", "notion.so", "zoom.us",
    "google.com", "microsoft.com", "apple.com", "amazon.com", "meta.com", "netflix.com", "infosys.com", "wipro.com",
    "petrobras.com.br", "itau.com.br", "rakuten.co.jp", "hitachi.co.jp", "telstra.com.au", "qantas.com.au", "att.com",
    "verizon.com", "comcast.com", "starbucks.com",
)  # fmt: skip
WORDS = (
    "amber", "atlas", "birch", "bolt", "brook", "cedar", "cobalt", "copper", "coral", "crest", "delta", "ember",
    "falcon", "fern", "forge", "frost", "granite", "harbor", "hazel", "iron", "ivory", "jade", "juniper", "keystone",
    "lark", "linden", "lunar", "maple", "meridian", "mesa", "nimbus", "north", "oak", "onyx", "orchid", "pine",
    "prism", "quarry", "raven", "ridge", "river", "saffron", "sierra", "slate", "solar", "spruce", "sterling",
    "stone", "summit", "tidal", "timber", "umber", "vertex", "willow", "zephyr",
)  # fmt: skip
TRADES = (
    "analytics", "bank", "biotech", "consulting", "dental", "energy", "foods", "freight", "insurance", "labs", "law",
    "logistics", "media", "motors", "robotics",
)  # fmt: skip
SUFFIXES = (
    "com", "com", "com", "com", "com", "net", "org", "io", "co", "ai", "de", "de", "fr", "co.uk", "nl", "it", "es",
    "se", "ch", "com.br", "com.au", "co.jp", "co.in", "ca", "pl", "eu", "app", "dev", "tech",
)  # fmt: skip


@dataclass(frozen=True)
class Address:
    """An address as somebody typed it, its registrable domain, and what that domain is."""

    text: str
    domain: str
    kind: str


@dataclass(frozen=True)
class Listed:
    """Domains of the lists that others keep, without what is no domain and without companies."""

    free: tuple[str, ...]
    disposable: tuple[str, ...]


def usable_lists(folder: Path) -> Listed:
    """The free-mail list, and the two lists of throw-away mailboxes taken together."""
    suffixes = PublicSuffixList(accept_unknown=False)
    host = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+([a-z]+|xn--[a-z0-9-]+)")
    # Names that lost the line break between them, such as zzom.co.ukgmail.com, or their last letter.
    damaged = re.compile(
        r"\.(com|co\.uk|net|lu|de|ro)[a-z0-9-]+\.(com|net|de|lu|org)$|(0-180|0815)\.(com|ru)$|rosativa\.ro\.org|\.ne$"
    )

    def names(file: str) -> set[str]:
        found = (folder / file).read_text(encoding="utf-8").lower().split()
        return {
            name
            for name in found
            if host.fullmatch(name) and suffixes.publicsuffix(name) and not damaged.search(name)
            if name not in LISTED_COMPANIES
        }

    free = names("npm_freemail_1.7.0_free.txt")
    throw_away = names("npm_freemail_1.7.0_disposable.txt")
    # What this list has in xn-- form are sites of shops and agencies, such as хочувернутьжену.рф.
    throw_away = {name for name in throw_away if "xn--" not in name}
    disposable = throw_away | names("pypi_disposable_email_domains_0.0.293.txt")
    return Listed(tuple(sorted(free)), tuple(sorted(disposable - free)))


def generated_addresses(lists: Listed, seed: int) -> list[Address]:
    """Addresses at the shares above, the same for a seed."""
    chance = random.Random(seed)  # noqa: S311 - test data
    suffixes = PublicSuffixList(accept_unknown=True)
    companies = _company_domains(chance, set(lists.free) | set(lists.disposable))
    hosts = {
        "big": lambda: chance.choices(list(BIG_PROVIDERS), weights=list(BIG_PROVIDERS.values()))[0],
        "free": lambda: chance.choice(lists.free),
        "disposable": lambda: chance.choice(lists.disposable),
        "corporate": lambda: chance.choice(("", "", "", "", "", "", "", "", "", "eu.mail.")) + chance.choice(companies),
    }
    addresses = []
    for kind, share in SHARES.items():
        for number in range(ADDRESSES * share // 100):
            host = hosts[kind]()
            name = f"{chance.choice(WORDS)}.{chance.choice(WORDS)}{len(addresses)}"
            text = f"{name}@{host}"
            typed = text.upper() if number % 50 == 0 else text
            # A listed name may stand beneath a company's domain, as docs.google.com does: the name itself is listed.
            domain = suffixes.privatesuffix(host) or host if kind == "corporate" else unicode_name(host)
            addresses.append(Address(typed, domain, "free" if kind == "big" else kind))
    return addresses


def _company_domains(chance: random.Random, listed: set[str]) -> list[str]:
    """Real companies and 1,000 invented ones, under the suffixes that companies choose."""
    invented = {
        f"{chance.choice(WORDS)}-{chance.choice(WORDS)}-{chance.choice(TRADES)}.{chance.choice(SUFFIXES)}"
        for _ in range(1_000)
    }
    return sorted((invented | set(REAL_COMPANIES)) - listed)
