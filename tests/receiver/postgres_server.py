"""A PostgreSQL server of a test's own: in a temporary folder, on a socket only, stopped and removed at the end."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# A server refuses to run as root; there it runs as the user that owns nothing.
AS_NOBODY = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
# What is killed in these tests is the loader, never the machine.
SETTINGS = ("listen_addresses=", "fsync=off", "shared_buffers=64MB", "max_connections=20")


def programs() -> Path:
    """The folder of the server's programs; the test is skipped where there is none."""
    found = [Path(path).parent for path in (shutil.which("initdb"),) if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in found:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    pytest.skip(
        "no PostgreSQL server: no initdb and postgres in PATH or /usr/lib/postgresql/*/bin (.ci/run installs it)"
    )


@contextmanager
def running_server() -> Iterator[Path]:
    """The folder of its socket. Its superuser is `pql`."""
    where = programs()
    folder = Path(tempfile.mkdtemp(prefix="postgres_"))  # not pytest's own: the path of a socket has at most 107 bytes
    if AS_NOBODY:
        shutil.chown(folder, "nobody", "nogroup")
    data, log = folder / "data", folder / "log"
    made = [where / "initdb", "-D", data, "-U", "pql", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
    subprocess.run(made, check=True, capture_output=True, cwd=folder, **AS_NOBODY)
    settings = [part for setting in SETTINGS for part in ("-c", setting)]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [where / "postgres", "-D", data, "-k", folder, *settings],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            **AS_NOBODY,
        )
    try:
        while b"ready to accept connections" not in log.read_bytes():
            assert server.poll() is None, log.read_text()
            time.sleep(0.02)
        yield folder
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
        server.wait()
        shutil.rmtree(folder)
