"""`pql signals suggest` on a run of the small company, with names taken out of its signal_map.csv."""

import re
import shutil
from pathlib import Path

import pytest

from orchestration.configuration import find_problems
from tests.integration.conftest import PROJECT, Installation

# Known from the tests of `pql signals lift`: the first two separate converters for sure, the third is planted noise.
REMOVED = ("*,page,Pricing,", "*,track,Teammate Invited,", "*,track,File Renamed,")


@pytest.fixture(scope="module")
def company(small_company: Installation, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Signals without the names that make three of them, and two names that a sender got wrong."""
    folder = tmp_path_factory.mktemp("suggest")
    shutil.copytree(PROJECT / "seeds", folder / "config")
    path = folder / "config" / "signal_map.csv"
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(REMOVED)]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    installation = small_company.copied_to(folder / "home", config=folder / "config")
    for name in ("'Bell' || chr(7)", "repeat('Long', 75)"):
        installation.change(
            f"""
            update staging.stg_segment__events set event_name = {name}
            where event_id in (
                select event_id from staging.stg_segment__events where event_name = 'Theme Changed' limit 3
            )
            """
        )
    return installation


def test_removed_names_come_back_in_the_order_of_their_lift(company: Installation, tmp_path: Path):
    before = {path.name: path.read_bytes() for path in company.config.iterdir()}  # type: ignore[union-attr]

    shown = company.pql("signals", "suggest", "-n", "60", "--into", str(tmp_path / "new"))

    names = re.findall(r"^│(\w[^│]*?) +│ segment", shown, re.M)
    assert names[:3] == ["Teammate Invited", "Pricing (page)", "File Renamed"]
    bell, long = sorted(names[3:5])
    assert bell == "Bell\\x07"
    assert re.fullmatch("(Long)+L?o?n?…", long)
    assert names[5] == "Limit Reached"  # mapped ones follow, in the order of their lift too
    assert "31 event names, 5 of them without a signal" in shown
    assert "department text 100%" in shown
    assert "Pricing → pricing_viewed, which signals.csv has" in shown
    # The shares are those of the signal that the name makes, which the run counted on its own way there.
    for name, signal in (("Teammate Invited", "teammate_invited"), ("Limit Reached", "limit_reached")):
        at_least, converters, rest = re.search(rf"│{name} .*?≥ (\d+): (\d+)%, (\d+)%", shown).groups()  # type: ignore[union-attr]
        assert company.working(
            f"""
            select round(100 * rate_converters), round(100 * rate_rest) from ml.signal_lift
            where signal = '{signal}' and time_window = 'last_30_days' and at_least = {at_least}
            """
        ) == [(float(converters), float(rest))]
    added = set((tmp_path / "new" / "signal_map.csv").read_text(encoding="utf-8").splitlines())
    added -= set(before["signal_map.csv"].decode().splitlines())
    assert added == {"*,page,Pricing,,,,pricing_viewed,,", "*,track,Teammate Invited,,,,teammate_invited,,"}
    assert list(find_problems(tmp_path / "new")) == []
    assert before == {path.name: path.read_bytes() for path in company.config.iterdir()}  # type: ignore[union-attr]
    assert company.working("select 1 from information_schema.schemata where schema_name = 'discovery'") == []


def test_two_places_to_write_to_are_one_too_many(company: Installation, tmp_path: Path):
    assert "name one" in company.pql("signals", "suggest", "--append", "--into", str(tmp_path), expect=2)
