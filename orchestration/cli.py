"""The `pql` verbs: thin, each a few lines over a part of the house."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from orchestration import screens
from orchestration.progress import announce, listening
from warehouse.connection import (
    WarehouseBusy,
    WarehouseMissing,
    home,
    open_published,
    open_working,
    open_working_to_read,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
identity_app = typer.Typer(no_args_is_help=True, help="Who is who: why, and what other rules would change.")
app.add_typer(identity_app, name="identity")
signals_app = typer.Typer(no_args_is_help=True, help="What signals are worth.")
app.add_typer(signals_app, name="signals")
feedback_app = typer.Typer(no_args_is_help=True, help="What reps say of the accounts they were given.")
app.add_typer(feedback_app, name="feedback")
models_app = typer.Typer(help="Which model scores, which challenge it, and how good they are.")
app.add_typer(models_app, name="models")
# A pipe has no width of its own, and 80 columns would fold every reason.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
errors = Console(stderr=True, highlight=False)

DEMO_HOME = "local/demo"
OfExpansion = Annotated[bool, typer.Option("--expansion", help="The model of what more customers may buy")]


@app.command("import")
def import_command(mapping: Annotated[Path, typer.Argument(help="The mapping file, e.g. mapping.yml")]) -> None:
    """Read files into the warehouse; the same rows twice change nothing."""
    from ingest.files import import_files
    from ingest.mapping import MappingError
    from ingest.text_lines import UnreadableFileError

    with (
        failing_clearly(MappingError, UnreadableFileError),
        showing_progress("importing"),
        open_working(home()) as backend,
    ):
        summary = import_files(
            backend.con,
            mapping,
            datetime.now(UTC).replace(tzinfo=None),
            progress=lambda table, rows: announce(f"{table}: {rows:,} rows"),
        )
    console.print(screens.import_summary(summary))


@app.command()
def serve(
    sources: Annotated[
        Path | None, typer.Option("--sources", help="Who may send; by default receiver.toml in the home folder")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8080,
    seal_seconds: Annotated[float, typer.Option(min=0.1, help="How long an event waits for `pql load` at most")] = 10.0,
) -> None:
    """Receive events from SDKs and webhooks until stopped; the warehouse is not opened, `pql load` does that."""
    where = [str(home()), str(sources or home() / "receiver.toml")]
    options = ["--host", host, "--port", str(port), "--seal-seconds", str(seal_seconds)]
    command = [sys.executable, "-m", "ingest.receiver.server", *where, *options]
    os.execv(sys.executable, command)  # noqa: S606 - a fixed command


@app.command()
def load(
    into: Annotated[
        str | None,
        typer.Option(
            "--into",
            envvar="PQL_LOAD_INTO",
            help="postgresql://USER@HOST/DATABASE or dlt:DESTINATION; by default the home's own DuckDB file",
        ),
    ] = None,
    keep_days: Annotated[
        float, typer.Option("--keep-days", min=0, help="How long loaded segments stay in the archive")
    ] = 7.0,
    accept_loss: Annotated[
        str | None, typer.Option("--accept-loss", help="A damaged segment whose loss no longer stops publishing")
    ] = None,
) -> None:
    """Load what `pql serve` received; what was loaded before changes nothing."""
    from ingest.loader.load import SegmentSummary, forget_old_archives, load_into
    from ingest.loader.load import accept_loss as accept
    from ingest.loader.warehouse import WarehouseRefused
    from orchestration.loading import store_for_loading

    now = datetime.now(UTC).replace(tzinfo=None)
    with (
        failing_clearly(WarehouseRefused),
        showing_progress("loading"),
        store_for_loading(home(), into) as store,
    ):
        if accept_loss is not None and not accept(store, accept_loss, now):
            raise typer.BadParameter(f"no segment {accept_loss} was loaded", param_hint="--accept-loss")
        segments: list[SegmentSummary] = []
        for segment in load_into(store, home(), now):
            announce(f"{segment.segment}: {segment.loaded:,} new")
            segments.append(segment)
    forget_old_archives(home(), keep_days)
    console.print(screens.load_summary(segments))
    if any(segment.is_damaged for segment in segments):
        raise typer.Exit(1)


@app.command()
def backfill(
    source: Annotated[str, typer.Argument(help="A source of receiver.toml: whose events they are")],
    files: Annotated[list[Path], typer.Argument(help="Amplitude's export archives, or files of Mixpanel's raw export")],
    sources: Annotated[
        Path | None, typer.Option("--sources", help="Who may send; by default receiver.toml in the home folder")
    ] = None,
    timezone: Annotated[
        str, typer.Option("--timezone", help="The zone of the Mixpanel project, if its export is not in UTC")
    ] = "UTC",
) -> None:
    """Bring the events of a vendor's export to the inbox, all or none; `pql load` then takes what is not there yet."""
    from ingest.exports import BackfillRefused, backfill
    from ingest.receiver.durable_log import NotDurable
    from ingest.receiver.sources import BadSources, read_sources
    from ingest.text_lines import UnreadableFileError

    with (
        failing_clearly(BackfillRefused, BadSources, NotDurable, UnreadableFileError),
        showing_progress("reading", errors),
    ):
        known = read_sources(sources or home() / "receiver.toml")
        if source not in known:
            raise typer.BadParameter(f"known are {', '.join(known)}", param_hint="SOURCE")
        summary = backfill(
            home(),
            known[source],
            files,
            datetime.now(UTC).timestamp(),
            timezone,
            progress=lambda file, lines: announce(f"{file}: {lines:,} events"),
        )
    console.print(screens.backfill_summary(summary))


@app.command()
def run(
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="Score as of this date instead of the newest data's"),
    ] = None,
) -> None:
    """Stage, resolve, measure, learn, score, test and publish."""
    run_and_report(as_of.date() if as_of else None)


@app.command()
def top(
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many accounts")] = 10,
) -> None:
    """Show the best accounts to work on today, and the customers who may buy more, each with its first reason."""
    with failing_clearly(WarehouseMissing, screens.NotPublished), open_published(home()) as backend:
        console.print(screens.top_accounts(backend, count))
        console.print(screens.top_customers(backend, count))


@app.command()
def plays(
    owner: Annotated[str | None, typer.Option("--owner", help="One owner alone, by name")] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many plays of each owner")] = 10,
) -> None:
    """Show today's list of each owner: the account, whom to call first, until when, why, and what to say."""
    from orchestration.play_screens import UnknownOwner, todays_plays

    with failing_clearly(WarehouseMissing, UnknownOwner), open_published(home()) as backend:
        console.print(todays_plays(backend, owner, count))


@app.command()
def holdout(
    share: Annotated[
        float | None, typer.Option("--share", min=0.001, max=0.999, help="Plan for this share instead of holdout_share")
    ] = None,
) -> None:
    """Show what holding accounts out has proved, and how large a lift it could show at all."""
    from orchestration.configuration import configuration_folder, rows_with_lines
    from orchestration.experiments import report

    settings = {row["setting"]: row["value"] for _, row in rows_with_lines(configuration_folder(), "settings")}
    with failing_clearly(WarehouseMissing), open_published(home()) as backend:
        console.print(report(backend, float(settings["holdout_share"]) if share is None else share))


@app.command()
def explain(account: Annotated[str, typer.Argument(help="An account's name, domain or id")]) -> None:
    """Show why an account has its score: ledger, events behind each reason, and how its people were found."""
    with failing_clearly(WarehouseMissing, screens.UnknownAccount), open_published(home()) as backend:
        for part in screens.explanation(backend, account):
            console.print(part)


@app.command()
def bands() -> None:
    """Show how the grades did on later accounts, where they might begin, and what a week of sales work brings."""
    with failing_clearly(WarehouseMissing, screens.NotPublished), open_published(home()) as backend:
        for part in screens.bands(backend):
            console.print(part)


@signals_app.command("lift")
def signals_lift(
    window: Annotated[
        screens.TimeWindow, typer.Option("--window", help="Which days of an account are looked at")
    ] = screens.TimeWindow.LAST_30_DAYS,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many signals")] = 15,
) -> None:
    """Show which actions separate the accounts that converted from the rest, how surely, and which no longer do."""
    with failing_clearly(WarehouseMissing, screens.NotPublished), open_published(home()) as backend:
        console.print(screens.signal_lift(backend, window, count))


@signals_app.command("suggest")
def signals_suggest(
    window: Annotated[
        screens.TimeWindow, typer.Option("--window", help="Which days of an account are looked at")
    ] = screens.TimeWindow.LAST_30_DAYS,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many event names to show")] = 15,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="Write the configuration with the proposed rows to this folder"),
    ] = None,
    append: Annotated[bool, typer.Option("--append", help="Add the proposed rows to the configuration in use")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Propose every unmapped name, not those alone whose lift is sure")
    ] = False,
) -> None:
    """Show what event names are worth, those without a signal first, and propose signals for them."""
    from orchestration import signal_screens
    from orchestration.configuration import BadConfiguration, configuration_folder
    from orchestration.signal_suggestions import (
        FolderInTheWay,
        NothingStaged,
        SuggestionFailed,
        folder_to_extend,
        propose,
        staged_events,
        write_proposal,
    )

    if into and append:
        raise typer.BadParameter("--into and --append go to two places; name one", param_hint="--append")
    configuration = configuration_folder()
    expected = (BadConfiguration, WarehouseMissing, FolderInTheWay, NothingStaged, SuggestionFailed)
    with failing_clearly(*expected):
        base = folder_to_extend(configuration, into) if into else configuration
        with showing_progress("suggesting", errors):
            staged = staged_events(home(), base, window)
        proposed = propose(staged.names, base, everything=everything or not staged.converters)
        target = into or (configuration if append else None)
        if target and (proposed.signal_map or base != target):
            write_proposal(proposed, base, target)
    console.print(signal_screens.staged_events(staged, window, count))
    console.print(signal_screens.proposal(proposed, target))


@signals_app.command("preset")
def signals_preset(
    name: Annotated[str, typer.Argument(help="A type of product, such as developer_tool")],
    into: Annotated[Path, typer.Option("--into", help="The folder to write the configuration to; a new one")],
) -> None:
    """Write a whole configuration to begin with, for a type of product; then edit it, and point PQL_CONFIG at it."""
    from orchestration.configuration import BadConfiguration
    from orchestration.signal_presets import FolderNotEmpty, UnknownPreset, write_preset

    with failing_clearly(BadConfiguration, FolderNotEmpty, UnknownPreset):
        write_preset(name, into)
    console.print(f"Written: {into}. Use it with PQL_CONFIG={into}.", soft_wrap=True)


@app.command()
def metrics(
    account: Annotated[str, typer.Argument(help="An account's name, domain or id")],
    as_of: Annotated[
        datetime, typer.Option("--as-of", formats=["%Y-%m-%d"], help="What was known before this date, and no more")
    ],
) -> None:
    """Show every metric of an account as of any date, by the SQL that training and scoring use. Nothing is changed."""
    from orchestration.metrics_on_demand import MetricsFailed, metrics_as_of

    with failing_clearly(WarehouseMissing, screens.UnknownAccount, MetricsFailed):
        with open_published(home()) as backend:
            found = screens.find_account(backend, account)
        with showing_progress("measuring", errors):
            measured = metrics_as_of(home(), found["account_id"], as_of.date())
    console.print(screens.account_metrics(found["name"], measured))


@identity_app.command("explain")
def identity_explain(
    wanted: Annotated[
        str, typer.Argument(metavar="PERSON|IDENTIFIER", help="A person_id, an identifier as type:value, or its value")
    ],
    working: Annotated[
        bool, typer.Option("--working", help="Read the working file, where a run that failed left what it found")
    ] = False,
) -> None:
    """Show why identifiers are one person: each tie with rule, source and dates, the accounts, and what was refused."""
    from orchestration.identity_explanation import UnknownIdentity, explain_identity

    opened = open_working_to_read if working else open_published
    with failing_clearly(WarehouseMissing, UnknownIdentity), opened(home()) as backend:
        console.print(screens.identity_explanation(explain_identity(backend, wanted)))


@identity_app.command("diff")
def identity_diff(
    config: Annotated[
        Path | None, typer.Option("--config", help="The folder with the edited CSV files; by default the one in use")
    ] = None,
) -> None:
    """Show what edited rules or overrides would change of what is published. Nothing is written."""
    from orchestration.configuration import BadConfiguration, configuration_folder
    from orchestration.dry_run import DryRunFailed, NoRoom, dry_run

    try:
        with failing_clearly(BadConfiguration, WarehouseMissing, NoRoom), showing_progress("dry run", errors):
            difference = dry_run(home(), config or configuration_folder())
    except DryRunFailed as error:
        errors.print("[bold red]A run with this configuration would fail; it would publish nothing.[/]")
        errors.print(str(error), markup=False)
        raise typer.Exit(1) from error
    console.print(screens.identity_difference(difference))


@identity_app.command("forget")
def identity_forget(
    wanted: Annotated[
        str, typer.Argument(metavar="PERSON|IDENTIFIER", help="A person_id, an identifier as type:value, or its value")
    ],
) -> None:
    """Forget a person: refuse their identifiers from the next run on, without reviving what was cut because of them."""
    from orchestration.configuration import configuration_folder
    from orchestration.forgetting import forget_identity
    from orchestration.identity_explanation import UnknownIdentity

    now = datetime.now(UTC).replace(tzinfo=None)
    with failing_clearly(WarehouseMissing, UnknownIdentity), open_working(home()) as backend:
        console.print(screens.forgetting(forget_identity(backend, wanted, now, configuration_folder())))


@feedback_app.command("import")
def feedback_import(
    file: Annotated[Path, typer.Argument(help="A CSV file: account, disposition, reason, who, said_at")],
) -> None:
    """Add what reps said; the same answers twice change nothing. The next run counts them."""
    from orchestration.feedback import BadFeedback, import_feedback

    now = datetime.now(UTC).replace(tzinfo=None)
    with (
        failing_clearly(WarehouseMissing, BadFeedback),
        open_published(home()) as published,
        open_working(home()) as backend,
    ):
        imported = import_feedback(backend, published, file, now)
    console.print(f"{imported.new:,} new answers, {imported.known:,} known already.")


@feedback_app.command("show")
def feedback_show() -> None:
    """Show how many accounts were good leads, by grade, play and owner."""
    from orchestration.feedback import acceptance

    with failing_clearly(WarehouseMissing), open_published(home()) as backend:
        console.print(acceptance(backend))


@app.command()
def train(expansion: OfExpansion = False) -> None:
    """Train a challenger now, from what the last run built; it becomes champion only where it proves itself."""
    from ml.leaks import BlindDetector, LeakFound, LeakingPipeline
    from orchestration import model_screens
    from orchestration.models import EXPANSION, NEW_BUSINESS, UnknownModel, train_by_hand

    with (
        failing_clearly(UnknownModel, LeakFound, BlindDetector, LeakingPipeline),
        showing_progress("training", errors),
        open_working(home()) as backend,
    ):
        found = train_by_hand(backend, datetime.now(UTC), EXPANSION if expansion else NEW_BUSINESS)
    console.print(model_screens.training(found))


@app.command()
def backtest(
    months: Annotated[int, typer.Option("--months", min=1, help="How many of the newest dates to judge")] = 6,
    expansion: OfExpansion = False,
) -> None:
    """Train the recipe as of each past date, judge it on what came after, and keep the figures."""
    from orchestration import model_screens
    from orchestration.models import EXPANSION, NEW_BUSINESS, UnknownModel, backtest, read_stored_history

    purpose = EXPANSION if expansion else NEW_BUSINESS

    with (
        failing_clearly(UnknownModel),
        showing_progress("backtest", errors),
        open_working(home()) as backend,
    ):
        history = read_stored_history(backend, purpose)
        version, figures = backtest(
            backend, history, months, datetime.now(UTC), lambda day: announce(f"judged as of {day}"), purpose
        )
    report = home() / "reports" / f"backtest_{version}.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    shown = model_screens.backtest_by_month(version, figures)
    with report.open("w", encoding="utf-8") as file:
        Console(file=file, width=160, highlight=False).print(shown)
    console.print(shown)
    console.print(f"Report: {report}", soft_wrap=True)


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List the models: rung, training, figures and standing."""
    if context.invoked_subcommand is None:
        from orchestration import model_screens

        with failing_clearly(WarehouseMissing), open_working_to_read(home()) as backend:
            console.print(model_screens.stored_models(backend))


@models_app.command("promote")
def models_promote(version: Annotated[str, typer.Argument(help="A version, as `pql models` lists it")]) -> None:
    """Make a model champion by hand; it scores from the next run on."""
    from ml.register import TamperedModel
    from orchestration.models import Decider, UnknownModel, promote

    with failing_clearly(UnknownModel, TamperedModel), open_working(home()) as backend:
        before = promote(backend, version, Decider(datetime.now(UTC)))
    console.print(f"Champion: {version}, in place of {before}. It scores from the next `pql run` on.")


@models_app.command("rollback")
def models_rollback(expansion: OfExpansion = False) -> None:
    """Go back to the champion before this one."""
    from ml.register import TamperedModel
    from orchestration.models import EXPANSION, NEW_BUSINESS, Decider, UnknownModel, roll_back

    with failing_clearly(UnknownModel, TamperedModel), open_working(home()) as backend:
        purpose = EXPANSION if expansion else NEW_BUSINESS
        left, taken = roll_back(backend, Decider(datetime.now(UTC), purpose=purpose))
    console.print(f"Champion: {taken} again, in place of {left}. It scores from the next `pql run` on.")


@models_app.command("card")
def models_card(
    version: Annotated[str | None, typer.Argument(help="A version; by default the champion")] = None,
) -> None:
    """Write the model card: one HTML page on what a model is, how good it is and what it cannot do."""
    from ml.leaks import BlindDetector, LeakFound, LeakingPipeline
    from ml.register import TamperedModel
    from orchestration.model_card import CardsMissing, model_card, read_facts
    from orchestration.models import checked_history, open_stored, purpose_of

    expected = (LookupError, TamperedModel, CardsMissing, LeakFound, BlindDetector, LeakingPipeline, WarehouseMissing)
    with failing_clearly(*expected), showing_progress("card", errors), open_working_to_read(home()) as backend:
        facts = read_facts(backend, version)
        model, _ = open_stored(backend, facts.version)
        history, leaks = checked_history(backend, purpose_of(backend, facts.version))
        announce("drawing")
        page = model_card(facts, model, history, leaks, datetime.now(UTC))
    path = home() / "reports" / f"model_{facts.version}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    console.print(f"Model card: {path}", soft_wrap=True)


@app.command()
def doctor() -> None:
    """Check configuration, warehouse, freshness and labels; each finding comes with its remedy."""
    from orchestration.doctor import examine

    findings = list(examine(home()))
    console.print(screens.doctor_report(findings))
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


@app.command()
def demo(
    accounts: Annotated[int, typer.Option(min=1, help="How many companies to simulate")] = 3000,
    seed: Annotated[int, typer.Option(help="Another seed gives another company")] = 7,
    hard_identity: Annotated[
        bool,
        typer.Option("--hard-identity", help="Add kiosks, shared mailboxes and phones, store ids, a support login"),
    ] = False,
) -> None:
    """Simulate a company, run the whole job on it and show its top accounts."""
    from demo.hard_identity import EASY, HARD
    from demo.simulate import is_current, simulate

    hard = HARD if hard_identity else EASY

    os.environ.setdefault("PQL_HOME", DEMO_HOME)
    folder = home()
    with failing_clearly(WarehouseBusy), open_working(home()) as backend:
        if not is_current(backend.con, accounts, seed, hard):
            with showing_progress("simulating a company"):
                summary = simulate(
                    backend.con,
                    accounts,
                    seed,
                    progress=lambda done, of: announce(f"{done:,} of {of:,} companies"),
                    hard=hard,
                )
            console.print(
                f"Simulated {summary.accounts:,} companies, {summary.people:,} people, {summary.events:,} events."
            )
    run_and_report(None)
    with open_published(home()) as backend:
        console.print(screens.top_accounts(backend, 10))
        console.print(screens.top_customers(backend, 3))
        best = screens.best_account(backend)
    prefix = f"PQL_HOME={folder} " if str(folder) != "local" else ""
    console.print(
        f'\nPublished: {folder / "published" / "pql.duckdb"}\nNext: {prefix}{Path(sys.argv[0])} explain "{best}"',
        soft_wrap=True,
    )


@app.command()
def ui() -> None:
    """Open Dagster: lineage from staging to activation, runs, checks, and the daily schedule (off at first)."""
    from orchestration.run import dagster_home

    dagster_home()
    program = str(Path(sys.executable).parent / "dagster")
    os.execv(program, [program, "dev", "--module-name", "orchestration.definitions"])  # noqa: S606 - a fixed command


def run_and_report(as_of: date | None) -> None:
    """Run the job with a progress display and say how it ended; exit 1 where it failed."""
    from orchestration.configuration import BadConfiguration
    from orchestration.run import run_job

    started = datetime.now(UTC)
    with failing_clearly(BadConfiguration, WarehouseBusy, RuntimeError), showing_progress("running"):
        result = run_job(as_of)
    seconds = (datetime.now(UTC) - started).total_seconds()
    if result.failure:
        still = result.published_run_id or "nothing yet"
        errors.print(f"[bold red]The run failed; nothing of it is published.[/] Readers see: {still}.")
        errors.print(result.failure, markup=False)
        raise typer.Exit(1)
    if result.changed:
        console.print(f"Published run {result.run_id} in {seconds:.0f} s.")
    else:
        console.print(f"Nothing changed: run {result.published_run_id} stays published ({seconds:.0f} s).")


@contextmanager
def showing_progress(title: str, on: Console = console) -> Iterator[None]:
    """Show announcements: one line that moves on a terminal, one line each otherwise."""
    if on.is_terminal:
        with on.status(title) as status, listening(lambda message: status.update(f"{title}: {message}")):
            yield
    else:
        with listening(lambda message: on.print(f"  {message}", markup=False)):
            yield


@contextmanager
def failing_clearly(*expected: type[Exception]) -> Iterator[None]:
    """Turn an error that the user can mend into its message and exit code 2, without a traceback."""
    try:
        yield
    except (*expected, WarehouseBusy) as error:
        errors.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from error


if __name__ == "__main__":
    app()
