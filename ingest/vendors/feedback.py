"""What reps say of the accounts they were given: a page with a form, and the answers that it sends.

An answer is an ordinary record of the log, as an event is. Who may answer shows a key, which stands in the form and in
no cookie: no other site can answer in somebody's name.
"""

import secrets
from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from urllib.parse import parse_qsl

import msgspec

from ingest.vendors.contract import Envelope, Limits, Outcome, Parts, Row, Vendor

EVENT_TYPE = "disposition"
DISPOSITIONS: MappingProxyType[str, tuple[str, str]] = MappingProxyType(
    {
        "good_lead": ("Good lead", "Worth the call."),
        "not_ready": ("Not ready", "The right company, too early."),
        "not_a_fit": ("Not a fit", "They would not buy, now or later."),
        "wrong_person": ("Wrong person", "The right company; somebody else decides."),
    }
)
_FIELDS = 16


class _Answer(msgspec.Struct):
    """An answer as it is kept: without the key that came with it."""

    account: str
    disposition: str
    who: str
    reason: str = ""
    id: str = ""


_answer = msgspec.json.Decoder(_Answer)


def split(call: str, body: bytes) -> Parts:
    """The one answer of a form, or of a JSON object with the same fields.

    Raises:
        msgspec.ValidationError: Account, answer or name is missing, or the answer is none of the four.
    """
    is_json = body.lstrip()[:1] == b"{"
    fields = msgspec.json.decode(body, type=dict[str, str]) if is_json else _form(body)
    given = msgspec.convert({name: value.strip() for name, value in fields.items()}, _Answer)
    if not given.account or not given.who or given.disposition not in DISPOSITIONS:
        raise msgspec.ValidationError("an answer needs an account, one of the four dispositions, and a name")
    return Parts([msgspec.json.encode(given)], fields.get("key"))


def read(event: bytes, envelope: Envelope) -> Row:
    """The row of one answer. It is said when it is received; the account is as it was written."""
    given = _answer.decode(event)
    return Row(
        given.id or None,
        EVENT_TYPE,
        given.disposition,
        None,
        None,
        None,
        given.account,
        None,
        None,
        envelope.received_at,
        msgspec.json.encode({"reason": given.reason, "who": given.who}).decode(),
        None,
        None,
        None,
    )


def answer(outcome: Outcome) -> bytes:
    """A page for a form, JSON for JSON."""
    if not outcome.is_form:
        kept = outcome.status == 200
        return msgspec.json.encode({"accepted": outcome.events} if kept else {"error": outcome.error})
    if outcome.status == 200:
        title, text = "Thank you", "Your answer is kept. It counts from the next run on."
    elif outcome.status == 401:
        title, text = "Not kept", "The key is not one that may answer. Go back, and try another."
    elif outcome.status == 503:
        title, text = "Not kept", "The answer could not be stored just now. Go back, and send it again."
    else:
        title, text = (
            "Not kept",
            "An answer needs an account, one of the four choices, and your name. Go back, and complete it.",
        )
    more = '<p><a href="">Answer on another account</a></p>' if outcome.status == 200 else ""
    return _page(f"<h1>{title}</h1><p>{text}</p>{more}")


def page(query: Mapping[str, str]) -> bytes:
    """The form, with the `account` and `who` of the query filled in. By its id a second click is no second answer."""
    choices = "".join(
        f'<label class="choice"><input type="radio" name="disposition" value="{value}" required>'
        f"<span><b>{label}</b> {meaning}</span></label>"
        for value, (label, meaning) in DISPOSITIONS.items()
    )
    return _page(
        f"""<h1>How was this lead?</h1>
<form method="post" action="">
<input type="hidden" name="id" value="{secrets.token_hex(16)}">
<label>Account<input name="account" required maxlength="300" placeholder="Name, domain or id"
 value="{escape(query.get("account", ""))}"></label>
<fieldset><legend>Your answer</legend>{choices}</fieldset>
<label>Why, in your words <i>(if you like)</i><textarea name="reason" rows="3" maxlength="1000"></textarea></label>
<div class="pair">
<label>Your name<input name="who" required maxlength="200" autocomplete="username"
 value="{escape(query.get("who", ""))}"></label>
<label>Key<input name="key" type="password" required autocomplete="current-password"></label>
</div>
<button>Send</button>
</form>"""
    )


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS))
    except ValueError as error:
        raise msgspec.ValidationError("no form") from error


def _page(content: str) -> bytes:
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Feedback on a lead</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1f2933; background: #f4f5f7; margin: 0; padding: 2rem 1rem; }}
main {{ max-width: 34rem; margin: auto; padding: 1.5rem 2rem 2rem; background: #fff; border: 1px solid #d9dee4;
 border-radius: 8px; }}
h1 {{ font-size: 1.4rem; margin: 0 0 1rem; }}
label, legend {{ font-weight: 600; }}
form > label, .pair label {{ display: block; margin-bottom: 1rem; }}
i {{ font-weight: 400; color: #66717d; }}
input:not([type=radio]), textarea {{ display: block; box-sizing: border-box; width: 100%; margin-top: .25rem;
 padding: .5rem; font: inherit; font-weight: 400; border: 1px solid #aab4bf; border-radius: 4px; }}
fieldset {{ border: 0; margin: 0 0 1rem; padding: 0; }}
.choice {{ display: flex; gap: .6rem; align-items: baseline; padding: .3rem 0; font-weight: 400; }}
.pair {{ display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }}
button {{ font: inherit; font-weight: 600; padding: .55rem 1.6rem; color: #fff; background: #1c5fb8; border: 0;
 border-radius: 4px; cursor: pointer; }}
:focus-visible {{ outline: 2px solid #1c5fb8; outline-offset: 1px; }}
</style></head>
<body><main>{content}</main></body>
</html>
""".encode()


FEEDBACK = Vendor(
    "feedback",
    MappingProxyType({"/feedback": "feedback"}),
    "feedback",
    Limits(32 * 2**10, 32 * 2**10, 1),
    split,
    answer,
    read,
    page=page,
)
