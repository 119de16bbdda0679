"""One benchmark by name, or all of them with their usual sizes. Figures are printed, never asserted."""

import argparse
import os
import platform
from importlib.metadata import version

from bench import explain, identity, latency, loader, metrics, receiver

BENCHMARKS = {
    "explain": explain,
    "identity": identity,
    "metrics": metrics,
    "receiver": receiver,
    "loader": loader,
    "latency": latency,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    names = parser.add_subparsers(dest="name", metavar="NAME", title="benchmarks")
    for name, benchmark in BENCHMARKS.items():
        benchmark.add_options(names.add_parser(name, help=benchmark.__doc__, description=benchmark.__doc__))

    chosen = parser.parse_args()
    print_machine()
    if chosen.name is not None:
        BENCHMARKS[chosen.name].run(chosen)
        return
    for name, benchmark in BENCHMARKS.items():
        benchmark.run(parser.parse_args([name]))


def print_machine() -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    print(
        f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, DuckDB {version('duckdb')}, "
        f"SciPy {version('scipy')}, PyArrow {version('pyarrow')}"
    )


if __name__ == "__main__":
    main()
