"""The words the simulated world is made of, and the domains that a project's exclusion lists name."""

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


INDUSTRIES: Final = ("Software", "Finance", "Retail", "Manufacturing", "Healthcare", "Education")
COUNTRIES: Final = ("US", "GB", "DE", "FR", "NL", "ES", "SE", "IN", "BR", "AU")

PERSONAL_EMAIL_DOMAINS: Final = ("gmail.com", "outlook.com", "yahoo.com", "icloud.com", "proton.me")
COMPETITOR_DOMAINS: Final = tuple(
    f"rival-{number}.example" for number in ("one", "two", "three", "four", "five", "six", "seven", "eight")
)
STUDENT_DOMAINS: Final = tuple(
    f"students.{university}.example"
    for university in (
        "northfield",
        "eastmoor",
        "kingsbay",
        "altona",
        "rivergate",
        "monteverde",
        "lakeshore",
        "ostrava",
    )
)
ROLE_MAILBOXES: Final = ("info", "team", "sales", "support", "hello", "office")
# Shared addresses that no list of blocked words knows.
UNLISTED_MAILBOXES: Final = _words(
    "crew platform-oncall buero contabilidad ops-room werkstatt equipe dispatch recepcion labor"
)

NAME_HEADS: Final = _words(
    """
    Alder Amber Anchor Apex Arbor Argent Ash Atlas Aurora Basalt Beacon Birch Blue Bold Brass Bright Brook
    Candle Canyon Cedar Cinder Clear Cliff Cloud Cobalt Copper Coral Crest Crystal Dawn Delta Drift Dune Eagle
    Ember Ever Falcon Fern Field Flint Forest Fox Frost Gale Garnet Glen Gold Granite Green Grove Harbor Haven
    Hazel Heron High Hollow Iron Ivory Jade Juniper Keen Kestrel Lark Laurel Lime Linden Lumen Lunar Maple
    Marble Meadow Mill Mist Moon Moss North Nova Oak Ocean Olive Onyx Opal Orchid Otter Pearl Pebble Pine Polar
    Prairie Quartz Quill Rain Raven Red Reed Ridge River Robin Rowan Ruby Sage Sand Sierra Silver Sky Slate Snow
    Solar Spruce Star Stone Storm Summit Swift Terra Thorn Tidal Timber Topaz True Umber Vale Velvet Verde
    Violet Vista Wave West Wild Willow Wind Winter Wren Zephyr
    """
)
NAME_TAILS: Final = _words(
    """
    arc bank base bay beam bell bend board bond bridge brook build burst cast chain circle coast core court
    craft crest crew cross current dale desk door drive edge engine fall fern field fleet flow fold force ford
    forge form frame front gate gear glass grid ground grove guard hall harbor haus helm hill hive holm house
    hub joint key kit lab lake lane layer leaf ledge lens light line link lock loft loom mark market mast mesh
    mill mind mint motion mount nest node orbit pad pass path peak pier pilot pixel place plan point pool port
    post press pulse quay rail range reach ridge ring rise road root scale scope shift shore signal site span
    spark sphere spring sprint stack stage stead stem step stream street thread tide tower track trail vault
    view village wave way well wheel wing wise wood works yard
    """
)
COMPANY_FORMS: Final = ("Inc", "Ltd", "GmbH", "Group", "Systems", "Partners")

FIRST_NAMES: Final = _words(
    """
    Ada Aisha Alan Alma Amir Ana Anton Aya Ben Bruno Carla Chloe Clara Dana Daniel David Diego Elena Elif Emil
    Emma Eric Eva Farah Felix Fiona Grace Hana Hugo Ida Igor Ines Iris Ivan Jack Jana Jin Joana Jonas Julia Kai
    Karim Kate Lara Leo Lena Lin Lucas Luis Maja Marco Maria Max Maya Mei Milan Mina Nadia Nils Nina Noah Nora
    Olga Omar Oscar Paul Petra Priya Rafael Raj Rita Rosa Ruth Sam Sara Sofia Stefan Tara Theo Tom Uma Vera
    Victor Wei Yara Yusuf Zoe
    """
)
LAST_NAMES: Final = _words(
    """
    Abbott Adler Almeida Andersen Baker Bauer Becker Berg Bianchi Blanc Bosch Brandt Castro Chen Costa Cruz Dahl
    Das Diaz Dubois Eklund Evans Fabre Ferrari Fischer Flores Fontaine Garcia Gomez Gray Gupta Haas Hansen Hill
    Holm Huang Iyer Jansen Jensen Kaya Keller Khan Kim Klein Koch Kowalski Kumar Larsen Lee Lopez Lund Marin
    Martin Mehta Meyer Moreau Moreno Murphy Nguyen Nilsson Novak Olsen Ortiz Osman Park Patel Perez Petit Popov
    Quinn Ramos Reyes Ricci Rossi Roy Ruiz Santos Sato Schmidt Shah Silva Singh Smith Sousa Stein Suzuki Tanaka
    Torres Turner Urban Vargas Vidal Vogel Wagner Walker Wang Weber Weiss Wolf Wong Young Zhang Zimmer
    """
)
DEPARTMENTS: Final = ("engineering", "operations", "marketing", "sales", "finance", "product")
SENIORITIES: Final = ("individual", "manager", "director", "executive")
TITLES: Final = (
    ("Data Engineer", "Engineering Manager", "Director of Engineering", "CTO"),
    ("Operations Analyst", "Operations Manager", "Director of Operations", "COO"),
    ("Marketing Analyst", "Marketing Manager", "Director of Marketing", "CMO"),
    ("Sales Analyst", "Sales Manager", "Director of Sales", "CRO"),
    ("Financial Analyst", "Finance Manager", "Director of Finance", "CFO"),
    ("Product Analyst", "Product Manager", "Director of Product", "CPO"),
)

USER_AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/137.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.4 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0",
    "ProductApp/4.2 (iPhone; iOS 18.4; Scale/3.00)",
    "analytics-python/2.4.0",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://search.example/bot)",
    "page-crawler/0.9 (+https://prices.example)",
)
AGENT_PHONE: Final = 3
AGENT_SERVER: Final = 4
AGENT_BOT: Final = 5
LIBRARIES: Final = ("analytics.js", "analytics-ios", "analytics-python")
LIBRARY_OF_AGENT: Final = (0, 0, 0, 1, 2, 0, 0)

SALES_REPRESENTATIVES: Final = tuple(
    f"{first} {last}"
    for first, last in zip(
        ("Alice", "Boris", "Celia", "Derek", "Edith", "Frank", "Gina", "Henry", "Irene", "James", "Karen", "Louis"),
        ("Marsh", "Nolan", "Ogden", "Pryce", "Quist", "Rhodes", "Sloan", "Thorne", "Upton", "Vance", "Webb", "Yates"),
        strict=True,
    )
)
