"""The SDKs for Node, installed by npm once for all runs of the tests."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent
INSTALLED = FOLDER.parents[2] / "target" / "node_sdks"
FILES = (
    ".npmrc", "package.json", "package-lock.json", "halves.mjs", "segment.mjs", "rudderstack.mjs",
    "history.mjs", "segment_history.mjs", "rudderstack_history.mjs",
)  # fmt: skip
# What npm says where no registry can be reached. Anything else that goes wrong is an error, a wrong hash above all.
NO_NETWORK = re.compile(r"code (ENOTFOUND|EAI_AGAIN|ECONN\w+|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b")


def installed_by_npm() -> Path:
    """The folder with the scripts and what they import; the test is skipped where it cannot be made.

    The folder has the hash of its files for a name and is renamed into place, so it is whole where it is there at all.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: the SDKs for Node are not tried")
    content = b"".join((FOLDER / name).read_bytes() for name in FILES)
    target = INSTALLED / hashlib.sha256(content).hexdigest()[:16]
    if not target.exists():
        _install(target)
    return target


def _install(target: Path) -> None:
    making = target.with_name(f"{target.name}.{os.getpid()}")
    making.mkdir(parents=True)
    try:
        for name in FILES:
            shutil.copyfile(FOLDER / name, making / name)
        done = subprocess.run(["npm", "ci"], cwd=making, capture_output=True, text=True, timeout=300, check=False)
        if found := NO_NETWORK.search(done.stderr):
            pytest.skip(f"npm reaches no registry ({found[1]}): the SDKs for Node are not tried")
        assert done.returncode == 0, done.stderr
        if not target.exists():  # somebody else may have been faster
            making.rename(target)
    finally:
        shutil.rmtree(making, ignore_errors=True)
