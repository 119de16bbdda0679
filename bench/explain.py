"""Exact contributions of trees: ours against LightGBM's `predict(pred_contrib=True)` and its plain `predict`."""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from bench.cost import Cost
from ml import tree_shap

SEED = 20_200_420
TRAINING_ROWS = 20_000
BATCH_ROWS = 20_000  # as in scoring
COMPARED_TO = 1e-9
REPETITIONS = 3  # of what takes seconds; LightGBM's side takes minutes and runs once

Floats = npt.NDArray[np.float64]
Result = TypeVar("Result")


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=100_000, help="rows explained (default: %(default)s)")
    parser.add_argument("--features", type=int, default=40, help="columns (default: %(default)s)")
    parser.add_argument("--trees", type=int, default=300, help="(default: %(default)s)")
    parser.add_argument("--leaves", type=int, default=31, help="per tree (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="for each side (default: %(default)s)")
    parser.add_argument("--stream", type=int, metavar="ROWS", help="only stream so many rows and print the peak memory")
    parser.add_argument("--model", type=Path, help="a model's text, instead of training one")


def run(options: argparse.Namespace) -> None:
    """Checks that both sides give the same, prints what each took, and last the ratio."""
    booster = lgb.Booster(model_file=options.model) if options.model else trained(options)
    text = booster.model_to_string()
    if options.stream is not None:
        stream(text, options)
        return
    first_call(text, options)
    X = rows(options.rows, options.features, seed=SEED + 1)
    prepared = timed("our tables, once per model", lambda: tree_shap.prepare.__wrapped__(text))[1]
    tree_shap.contributions(prepared, X[:1000], options.threads)
    ours, found = fastest("ours", lambda: tree_shap.contributions(prepared, X, options.threads))
    plain, _ = fastest("LightGBM, plain predict", lambda: booster.predict(X, num_threads=options.threads))
    for count in (options.rows, 10 * options.rows):
        stream_apart(text, options, count)
    theirs, own = timed(
        "LightGBM, pred_contrib", lambda: booster.predict(X, pred_contrib=True, num_threads=options.threads)
    )
    difference = float(np.abs(found - np.asarray(own)[:, :-1]).max())
    if not difference <= COMPARED_TO:
        raise SystemExit(f"the contributions differ by {difference:.3g}")
    print(
        f"explain ratio={theirs.clock / ours.clock:.1f} diff={difference:.0e} "
        f"of_plain_predict={ours.clock / plain.clock:.2f} rows_per_second={options.rows / ours.clock:,.0f}"
    )


def trained(options: argparse.Namespace) -> lgb.Booster:
    X = rows(TRAINING_ROWS, options.features, seed=SEED)
    known = np.nan_to_num(X)
    noise = np.random.default_rng(SEED).normal(size=len(X))
    labels = known[:, 0] + known[:, 1] * known[:, 2] + np.sin(known[:, 3]) + known[:, 4:].sum(axis=1) / 5 + noise > 0
    recipe = {"objective": "binary", "num_leaves": options.leaves, "verbosity": -1, "num_threads": options.threads}
    return lgb.train({**recipe, "learning_rate": 0.05, "seed": SEED}, lgb.Dataset(X, labels), options.trees)


def rows(count: int, features: int, seed: int) -> Floats:
    """Normal columns, a tenth of the values missing, a tenth 0."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(count, features))
    X[random.random(X.shape) < 0.1] = 0
    X[random.random(X.shape) < 0.1] = np.nan
    return X


def first_call(text: str, options: argparse.Namespace) -> None:
    """What compiling costs: once per installation where Numba can keep its cache."""
    with tempfile.TemporaryDirectory() as cache:
        for said in ("first call, nothing compiled", "first call of the next process"):
            print(f"{said}: {stream_process(text, options, 1000, {'NUMBA_CACHE_DIR': cache})}")


def stream_apart(text: str, options: argparse.Namespace, count: int) -> None:
    """Peak memory in a process of its own."""
    print(stream_process(text, options, count, {}))


def stream_process(text: str, options: argparse.Namespace, count: int, environment: dict[str, str]) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as model:
        model.write(text)
        model.flush()
        given = ["--features", str(options.features), "--threads", str(options.threads)]
        command = [sys.executable, "-m", "bench", "explain", "--model", model.name, "--stream", str(count), *given]
        environment = {**os.environ, **environment}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - ours
        return done.stdout.splitlines()[-1]


def stream(text: str, options: argparse.Namespace) -> None:
    started = time.perf_counter()
    model = tree_shap.prepare(text)
    explained = sum(len(part) for part in tree_shap.stream_contributions(model, batches(options), options.threads))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    of_batches = f"in batches of {BATCH_ROWS:,}: {seconds:.1f} s with the tables"
    print(f"streamed {explained:,} rows {of_batches}, peak memory {peak:.0f} MB")


def batches(options: argparse.Namespace) -> Iterator[Floats]:
    for start in range(0, options.stream, BATCH_ROWS):
        yield rows(min(BATCH_ROWS, options.stream - start), options.features, seed=SEED + 2 + start)


def fastest(said: str, work: Callable[[], Result]) -> tuple[Cost, Result]:
    runs = [timed(said, work) for _ in range(REPETITIONS)]
    return min(runs, key=lambda run: run[0].clock)


def timed(said: str, work: Callable[[], Result]) -> tuple[Cost, Result]:
    clock, processor = time.perf_counter(), time.process_time()
    result = work()
    cost = Cost(time.perf_counter() - clock, time.process_time() - processor)
    print(f"{said}: {cost}")
    return cost, result
