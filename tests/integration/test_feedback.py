"""What reps answer in the form: sent to a running receiver, loaded, and counted by the next run, once."""

import http.client
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from tests.integration.conftest import Installation
from tests.receiver.processes import ReceiverProcess
from warehouse.connection import open_working
from warehouse.published_file import write_published_file
from warehouse.runs import start_run

SOURCES = """
[source.sales]
accepts = "feedback"
keys = ["team-key", "next-key"]

[source.web]
accepts = "segment"
keys = ["web-key"]
"""
MODELS = (
    "stg_receiver__events",
    "stg_feedback__dispositions",
    "declared_dispositions",
    "account_dispositions",
    "lead_acceptance",
    "weak_labels",
    "disposition_outcomes",
)


def sent(port: int, method: str, path: str, body: str = "") -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, {"content-type": "application/x-www-form-urlencoded"} if body else {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()}


def answer(**fields: str) -> str:
    return urlencode({"reason": "", "who": "Ada Rep", "key": "team-key"} | fields)


def test_an_answer_in_the_form_is_counted_once_with_what_was_published(
    small_company: Installation, tmp_path: Path, dbt: Callable[..., object]
):
    installation = small_company.copied_to(tmp_path / "home")
    # Two accounts of which no other has the name.
    (one, name, grade, play, owner), (other, *_) = installation.working(
        """
        select plays.account_id, accounts.name, scores.grade, plays.play, plays.owner
        from activation.plays as plays
        inner join identity.accounts as accounts on plays.account_id = accounts.account_id
        inner join scores.account_scores as scores on plays.account_id = scores.account_id
        where plays.owner_by = 'assigned' qualify count(*) over (partition by accounts.name) = 1 order by all limit 2
        """
    )
    receiver = ReceiverProcess(installation.home, SOURCES)
    receiver.start()
    port = receiver.port

    status, page, headers = sent(port, "GET", f"/feedback?account={urlencode({'': name})[1:]}&who=%22%3E%3Cscript%3E")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "<script" not in page
    form_id = re.findall(r'name="id" value="([0-9a-f]{32})"', page)[0]
    assert form_id not in sent(port, "GET", "/sales/feedback")[1]

    first = answer(account=f" {name.upper()}", disposition="not_ready", reason="no budget\u2026", id=form_id)
    assert [sent(port, "POST", "/feedback", first)[0] for _ in range(2)] == [200, 200]  # a double click
    again = answer(account=other, disposition="good_lead", key="next-key", id="another")
    status, thanks, _ = sent(port, "POST", "/sales/feedback", again)
    assert (status, "Thank you" in thanks) == (200, True)
    as_json = json.dumps({"account": "Nobody Ltd", "disposition": "good_lead", "who": "Ada Rep", "key": "team-key"})
    assert sent(port, "POST", "/feedback", as_json)[:2] == (200, '{"accepted":1}')

    refused = {
        "no key": answer(account=name, disposition="good_lead", key=""),
        "another source's key": answer(account=name, disposition="good_lead", key="web-key"),
        "none of the four": answer(account=name, disposition="lukewarm"),
        "no account": answer(account=" ", disposition="good_lead"),
        "nobody": answer(account=name, disposition="good_lead", who=""),
        "no form": "%ff",
    }
    assert {why: sent(port, "POST", "/feedback", body)[0] for why, body in refused.items()} == {
        "no key": 401, "another source's key": 401,
        "none of the four": 400, "no account": 400, "nobody": 400, "no form": 400,
    }  # fmt: skip
    assert sent(port, "GET", "/v1/track")[0] == 405
    assert receiver.stop() == 0

    log = b"".join(path.read_bytes() for path in (installation.home / "inbox").iterdir())
    assert b"no budget" in log
    assert b"team-key" not in log
    installation.pql("load")
    for run_id in ("run_two", "run_three"):
        with open_working(installation.home) as backend:
            start_run(backend, run_id, datetime.now(UTC).replace(tzinfo=None))
        dbt(installation.home, "run", "--quiet", "--select", *MODELS)
        with open_working(installation.home) as backend:
            backend.con.execute(
                "update publishing.runs set status = 'published', ended_at = started_at where run_id = ?", [run_id]
            )

    recorded = installation.working(
        "select account_id, source, disposition, reason, who, grade, play, owner, run_id "
        "from reporting.account_dispositions order by said_at"
    )
    assert recorded[0] == (one, "form", "not_ready", "no budget\u2026", "Ada Rep", grade, play, owner, "run_two")
    assert recorded[1][:5] == (other, "form", "good_lead", None, "Ada Rep")
    assert len(recorded) == 2
    assert installation.working("select count(*) from staging.declared_dispositions") == [(3,)]
    assert installation.working("select count(*) from staging.stg_receiver__events") == [(0,)]
    assert installation.working(
        "select answers, accepted, most_given_reason from reporting.lead_acceptance where dimension = 'all'"
    ) == [(2, 1, "no budget\u2026")]
    with open_working(installation.home) as backend:
        write_published_file(backend, installation.home)
    assert re.search(r"All\W+all\W+2\W+1 \(50%\)", installation.pql("feedback", "show"))
    doctor = " ".join(installation.pql("doctor").split())
    assert "1 answers of reps (form) are on an account that is none or several, such as 'Nobody Ltd'" in doctor
