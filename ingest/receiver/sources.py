"""Who may send: `receiver.toml`, outside the warehouse, since it holds secrets. One table `[source.NAME]` each."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

from ingest.receiver.secrets import webhook_secret
from ingest.vendors.all import VENDORS
from ingest.vendors.contract import Vendor
from ingest.vendors.plain import FIELDS
from ingest.vendors.values import as_object

SIGNATURES = ("segment", "standard")
KNOWN = (
    "accepts", "keys", "signature", "signing_secrets", "header", "header_secrets", "open", "consent", "without_consent",
    "group", "fields",
)  # fmt: skip
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class BadSources(ValueError):  # noqa: N818 - the name says what is wrong
    """The file cannot be used. The message says where and how to mend it, and holds no secret."""


@dataclass(frozen=True)
class Source:
    """One sender.

    Attributes:
        name: Its name in the tables, and the first part of its path.
        vendor: What it sends.
        keys: Write keys, as Basic user name or in the body.
        signature: How it signs, if it does.
        signing_secrets: One, or two while one takes the other's place.
        header: A header that holds a secret.
        header_secrets: Its values.
        is_open: Anybody may send without a secret, as Snowplow's trackers do.
        consent: The path to the answer that a person gave; without it all events are taken.
        without_consent: What is done where the path leads nowhere.
        options: What the loader needs (`group`, `fields.*`).
    """

    name: str
    vendor: Vendor
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    signature: Literal["segment", "standard"] | None = None
    signing_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    header: bytes | None = None
    header_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    is_open: bool = False
    consent: tuple[str, ...] | None = None
    without_consent: Literal["keep", "drop"] = "keep"
    options: Mapping[str, str] = field(default_factory=dict[str, str])


def read_sources(path: Path) -> dict[str, Source]:
    """The sources of a file, by name.

    Raises:
        BadSources: With the file, the table and the fix.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadSources(f"{path} is not there: write one table [source.NAME] for each sender") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSources(f"{path}: {error}") from None
    tables = as_object(document.get("source"))
    if not tables or set(document) != {"source"}:
        raise BadSources(f"{path}: only tables [source.NAME] belong here, at least one")
    return {name: _read_source(f"{path}: [source.{name}]", name, as_object(table)) for name, table in tables.items()}


def _read_source(where: str, name: str, table: dict[str, Any]) -> Source:
    if not _NAME.fullmatch(name):
        raise BadSources(f"{where}: a name is lower-case letters, digits, - and _")
    if unknown := sorted(set(table) - set(KNOWN)):
        raise BadSources(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(KNOWN)}")
    accepts, signature, header = table.get("accepts"), table.get("signature"), table.get("header")
    if not isinstance(accepts, str) or accepts not in VENDORS:
        raise BadSources(f"{where}: accepts is one of {', '.join(VENDORS)}")
    if signature not in (None, *SIGNATURES):
        raise BadSources(f"{where}: signature is one of {', '.join(SIGNATURES)}")
    keys = _secrets(where, table, "keys")
    signing_secrets = _secrets(where, table, "signing_secrets")
    header_secrets = _secrets(where, table, "header_secrets")
    if (signature is None) != (not signing_secrets) or (header is None) != (not header_secrets):
        raise BadSources(f"{where}: signature goes with signing_secrets, header with header_secrets")
    if signature == "standard":
        _check_webhook_secrets(where, signing_secrets)
    is_open = table.get("open") is True
    if is_open == bool(keys or signing_secrets or header_secrets):
        raise BadSources(f"{where}: give it keys, a signature or a header with secrets; or open = true, for anybody")
    without_consent = table.get("without_consent", "keep")
    if without_consent not in ("keep", "drop"):
        raise BadSources(f"{where}: without_consent is keep or drop")
    consent = _text(where, table, "consent")
    return Source(
        name,
        VENDORS[accepts],
        keys,
        cast(Any, signature),
        signing_secrets,
        str(header).lower().encode() if header is not None else None,
        header_secrets,
        is_open,
        tuple(consent.split(".")) if consent else None,
        cast(Any, without_consent),
        MappingProxyType(_options(where, table)),
    )


def _secrets(where: str, table: dict[str, Any], name: str) -> tuple[bytes, ...]:
    """A list of secrets; `env:NAME` reads one from the environment."""
    given = table.get(name, [])
    if not isinstance(given, list) or not all(isinstance(value, str) and value for value in cast(list[Any], given)):
        raise BadSources(f"{where}: {name} is a list of texts")
    found: list[bytes] = []
    for value in cast(list[str], given):
        variable = value.removeprefix("env:")
        if variable == value:
            found.append(value.encode())
        elif os.environ.get(variable):
            found.append(os.environ[variable].encode())
        else:
            raise BadSources(f"{where}: {name} names the environment variable {variable}, which is not set")
    return tuple(found)


def _check_webhook_secrets(where: str, secrets: tuple[bytes, ...]) -> None:
    for secret in secrets:
        try:
            webhook_secret(secret)
        except ValueError:
            raise BadSources(f"{where}: a Standard Webhooks secret is whsec_ and base64") from None


def _text(where: str, table: dict[str, Any], name: str) -> str | None:
    value = table.get(name)
    if value is not None and (not isinstance(value, str) or not value):
        raise BadSources(f"{where}: {name} is a text")
    return value


def _options(where: str, table: dict[str, Any]) -> dict[str, str]:
    options: dict[str, str] = {}
    if group := _text(where, table, "group"):
        options["group"] = group
    for name, path in as_object(table.get("fields")).items():
        if name not in FIELDS or not isinstance(path, str) or not path:
            raise BadSources(f"{where}: fields gives a path for each of {', '.join(FIELDS)}")
        options[f"fields.{name}"] = path
    return options
