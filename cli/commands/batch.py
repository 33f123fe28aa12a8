"""`lading batch`: predictions for many rows, from a file to a file."""

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import typer
from typer.core import TyperGroup

from lading.api.errors import EngineNeeded
from lading.api.locked import chosen_version
from lading.api.progress import show_steps
from lading.batch.run import Batch, Summary, run_batch
from lading.batch.sources.source import ChunkSize
from lading.cli.aws.batches.choice import batches_of, choice_of, engine_batch
from lading.cli.aws.batches.engine_run import run_on_engine
from lading.cli.aws.batches.function import batch_function, batch_service
from lading.cli.aws.batches.function_run import run_in_cloud
from lading.cli.aws.batches.plan import BatchPlan, dollars, planned
from lading.cli.batch_progress import duration, show_batch
from lading.cli.commands.tokens import Region
from lading.cli.options import LOCK, Json, Lock, Name
from lading.cli.signatures import STAGE, STAGES, Stage, Stages, trust_of_stage, warn
from lading.cli.tables import show_table
from lading.functions.contract.names import artifact_folder
from lading.functions.inference.artifact.reading import read_artifact
from lading.functions.inference.attestation.enforcement import FolderCheck
from lading.functions.inference.entry.processors import processors
from lading.model_packaging.lock.file import LockedEngine, local_roots, read_lock
from lading.model_packaging.signing.errors import needs_cryptography
from lading.stacks.stages.settings import Deployment, load_deployment

_RUN = "run"

_INPUT = typer.Option(
    "--input", "-i", help="CSV, JSON Lines, Parquet, npz, or a folder of files; also s3://."
)
_OUTPUT = typer.Option(
    "--output", "-o", help="The same kinds; a folder gets a JSON file for each row."
)
_WORKERS = typer.Option(min=1, help="Processes.", show_default="one for each processor")
_ON = typer.Option(help="Where to predict: AWS, by the deployed model, or this machine.")
_DRY = typer.Option("--dry-run", help="With --on aws: say which engine, why, and the cost; stop.")
_GROUP = typer.Option(
    min=1, help="Most rows in one run of the model.", show_default="what the model allows"
)
_CHUNK = typer.Option(min=1, max=1_000_000, help="Most rows that are kept together.")


class RunsByDefault(TyperGroup):
    """A group whose command `run` need not be written: `lading batch NAME` is a run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the command where the first word is no command of the group."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [_RUN, *args]
        return super().parse_args(ctx, args)


batch = typer.Typer(
    name="batch",
    cls=RunsByDefault,
    help="Predict many rows, from a file to a file: `lading batch NAME --input ... --output ...`.",
    no_args_is_help=True,
)


@batch.command(_RUN)
def run(
    name: Name,
    input_: Annotated[str, _INPUT],
    output: Annotated[str, _OUTPUT],
    version: Annotated[int | None, typer.Option(min=1, help="Default: the stable one.")] = None,
    label: Annotated[str | None, typer.Option(help="The version with this label.")] = None,
    workers: Annotated[int | None, _WORKERS] = None,
    group: Annotated[int | None, _GROUP] = None,
    chunk_rows: Annotated[int, _CHUNK] = ChunkSize().rows,
    strict: Annotated[bool, typer.Option("--strict", help="End at a row that fails.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output, and begin again.")
    ] = False,
    on: Annotated[Literal["aws", "here"], _ON] = "here",
    dry_run: Annotated[bool, _DRY] = False,
    region: Region = None,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Predict every row of the input with a packaged model, on all processors.

    Rows are read and answered in chunks, so memory does not grow with the input. A batch that was
    interrupted goes on after its last finished chunk when you run the same command again. Rows that
    fail go to OUTPUT.errors.jsonl with the reason, and OUTPUT.manifest.json says what was done.
    With --on aws, the deployed model answers, many parts at a time: its Lambda function by a
    Distributed Map, or the container of its endpoint by a job of SageMaker.

    Examples:

        lading batch digits --input rows.csv --output answers.parquet

        lading batch pets -i photos/ -o answers.jsonl --workers 4

        lading batch digits -i s3://my-bucket/rows.parquet -o s3://my-bucket/answers.parquet

        lading batch digits -i rows.jsonl -o answers.jsonl --strict --json

        lading batch digits -i s3://my-bucket/rows.csv -o answers.parquet --on aws --stage prod

        lading batch digits -i rows.csv -o answers.parquet --on aws --dry-run
    """
    if dry_run and on != "aws":
        raise typer.BadParameter("--dry-run is for batches in the cloud: add --on aws")
    if version is not None and label is not None:
        raise typer.BadParameter("give either --version or --label")
    check = FolderCheck(trust_of_stage(stages, stage), report=warn)
    number = chosen_version(lock, name, version, label)
    digest = read_lock(lock).digests(name)[number]
    wanted = Batch(
        source=input_,
        output=output,
        root=_checked_root(lock, name, number, digest, check, here=on == "here"),
        model=name,
        version=number,
        digest=digest,
        workers=workers or processors(),
        group=group,
        chunk=ChunkSize(rows=chunk_rows),
        strict=strict,
        overwrite=overwrite,
    )
    if on == "aws":
        engine = read_lock(lock).model(name).versions[number].engine
        place = _CloudTarget(engine, load_deployment(stages, stage), region, dry_run)
        _run_in_cloud(wanted, place, as_json=json_)
        return
    with show_batch() as show:
        summary = run_batch(wanted, show)
    _show(summary, asdict(summary), as_json=json_)


@batch.command()
def status(
    name: Name,
    region: Region = None,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """List the last batches of a model in the cloud.

    Example:

        lading batch status digits --stage prod
    """
    found = batches_of(load_deployment(stages, stage), name, _engine(lock, name), region).latest()
    if json_:
        typer.echo(json.dumps([asdict(each) for each in found], indent=2, default=str))
        return
    rows = [[each.id, f"{each.started:%Y-%m-%d %H:%M:%S}", each.status.lower()] for each in found]
    show_table(("id", "started", "status"), rows)


@batch.command()
def stop(
    name: Name,
    id_: Annotated[str, typer.Argument(metavar="ID", help="See `lading batch status`.")],
    region: Region = None,
    stage: Stage = STAGE,
    stages: Stages = STAGES,
    lock: Lock = LOCK,
    json_: Json = False,
) -> None:
    """Stop a batch in the cloud; what is answered stays in its bucket.

    Example:

        lading batch stop digits 0a1b2c3d4e5f6071-1 --stage prod
    """
    stopped = batches_of(load_deployment(stages, stage), name, _engine(lock, name), region).stop(
        id_
    )
    if json_:
        typer.echo(json.dumps(asdict(stopped), indent=2, default=str))
    else:
        typer.echo(f"{stopped.id}: {stopped.status.lower()}")


class _CloudTarget(NamedTuple):
    """Where a batch in the cloud is answered, and whether it is only planned."""

    engine: LockedEngine | None
    deployment: Deployment
    region: str | None
    dry_run: bool


def _run_in_cloud(wanted: Batch, place: _CloudTarget, *, as_json: bool) -> None:
    deployment, region = place.deployment, place.region
    choice = choice_of(wanted, place.engine, deployment, region)
    if choice.name == "map":
        function = batch_function(wanted, deployment)
        if place.dry_run:
            estimate = partial(function.estimate, wanted)
            _tell(planned(wanted, choice, function.metadata, estimate), as_json=as_json)
            return
        service = batch_service(deployment, wanted.model, region)
        with show_steps() as step:
            step(f"{choice.title}, because {choice.reason}")
            done = run_in_cloud(wanted, function, service, step)
    else:
        work = engine_batch(wanted, choice, deployment, region)
        if place.dry_run:
            _tell(planned(wanted, choice, work.metadata(), work.estimate), as_json=as_json)
            return
        with show_steps() as step:
            step(f"{choice.title}, because {choice.reason}")
            done = run_on_engine(work, step)
    _show(done.batch, done.to_json(), as_json=as_json)
    if not as_json:
        typer.echo(
            f"it cost about {dollars(done.cost)}; {dollars(done.estimated)} was the estimate"
        )


def _tell(plan: BatchPlan, *, as_json: bool) -> None:
    typer.echo(json.dumps(plan.to_json(), indent=2) if as_json else plan.told())


def _engine(lock: Path, name: str) -> LockedEngine | None:
    """Return the engine of the model's newest version in the lock; None if it has none."""
    versions = read_lock(lock).model(name).versions
    return versions[max(versions)].engine


def _checked_root(
    lock: Path, name: str, version: int, digest: str, check: FolderCheck, *, here: bool
) -> Path:
    """Return the folder of the store that holds a version, after its verification.

    Raises:
        EngineNeeded: the model runs in an engine, and not here.
        ArtifactError: it is damaged, or must be signed and is not.
    """
    entry = read_lock(lock).model(name).versions[version]
    root = local_roots(lock, name, version, entry)[0]
    folder = root / artifact_folder(name, version)
    artifact = read_artifact(folder, digest)
    if artifact.engine is not None and here:
        raise EngineNeeded(name, artifact.engine.name)
    with needs_cryptography():
        check(name, version, artifact, folder)
    return root.resolve()


def _show(summary: Summary, document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(document, indent=2))
        return
    resumed = f" ({summary.resumed:,} by an interrupted run)" if summary.resumed else ""
    typer.echo(
        f"{summary.model} version {summary.version}: {summary.answered:,} of {summary.rows:,} rows "
        f"answered{resumed} in {duration(summary.seconds)}; {summary.output}"
    )
    if summary.failed:
        typer.echo(f"{summary.failed:,} rows have no answer; {summary.errors} says why")
