"""Keys, header secrets and signatures. Every comparison with a secret goes through `is_one_of`."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

REPLAY_SECONDS = 300  # Standard Webhooks' recommendation: older or newer than this is refused


def is_one_of(given: bytes, secrets: Sequence[bytes]) -> bool:
    """Whether it equals one of the secrets, in a time that tells neither which nor how much of it was right.

    Two secrets are live while one takes the other's place. All are compared, whatever the first gives.
    """
    found = False
    for secret in secrets:
        found |= hmac.compare_digest(given, secret)
    return found


def basic_user(authorization: bytes) -> bytes | None:
    """The user name of Basic authorization, which is where write keys stand; None where it is none."""
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(encoded, validate=True).partition(b":")[0]
    except ValueError:
        return None


def signed_by_segment(body: bytes, signature: bytes, secrets: Sequence[bytes]) -> bool:
    """Whether Segment signed these bytes: HMAC-SHA1 in hex, of the event as it was sent. There is no time in it."""
    expected = [hmac.digest(secret, body, hashlib.sha1).hex().encode() for secret in secrets]
    return is_one_of(signature, expected)


def signed_by_standard_webhooks(
    body: bytes, message_id: bytes, timestamp: bytes, signatures: bytes, secrets: Sequence[bytes], now: float
) -> bool:
    """Whether one of the signatures is right, and the message at most five minutes old or ahead.

    Standard Webhooks: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; a secret is base64, after `whsec_`.
    There may be several signatures with blanks between them, while the sender changes its secret.
    """
    if not message_id or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    if abs(now - int(timestamp)) > REPLAY_SECONDS:
        return False
    signed = b".".join((message_id, timestamp, body))
    expected = [base64.b64encode(hmac.digest(webhook_secret(secret), signed, hashlib.sha256)) for secret in secrets]
    found = False
    for signature in signatures.split(b" ")[:8]:
        version, _, value = signature.partition(b",")
        found |= version == b"v1" and is_one_of(value, expected)
    return found


def webhook_secret(secret: bytes) -> bytes:
    """The key inside a Standard Webhooks secret.

    Raises:
        ValueError: It is no base64.
    """
    return base64.b64decode(secret.removeprefix(b"whsec_"), validate=True)
