"""`lading init`: a new project, from a trained model."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer

from lading.api.errors import SubjectError
from lading.api.progress import live_step
from lading.cli.delivery.github import add_workflows
from lading.cli.errors import ProjectExists
from lading.cli.options import Json
from lading.cli.projects.files import EXAMPLE, MODELS, SCHEMAS, project_files
from lading.cli.projects.guess import (
    GivenRows,
    Guess,
    guess,
    guess_address,
    guess_name,
    missing_column,
)
from lading.model_packaging.errors import SourceUntrusted
from lading.model_packaging.inspected import Inspected, inspected, is_pickle
from lading.model_packaging.manifest.address import is_remote
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.packaging_limits import Limits
from lading.model_packaging.tables.registry import FORMATS, read_table
from lading.model_packaging.tables.table import Table, Unreadable
from lading.stacks.delivery.steps import workflow_files

_FOLDER = typer.Argument(help="Folder of the project; created if it is missing.")
_FROM = typer.Option(
    "--from", help="A trained model's file or folder, or its address.", show_default=False
)
_DATA = typer.Option(help="Held-out rows with the correct answers.", show_default=False)
_NAME = typer.Option(help="Name of the model.", show_default="that of its file")
_YES = typer.Option("--yes", "-y", help="Ask nothing: trust the file, and take every guess.")
_DRY = typer.Option("--dry-run", help="Print the files; write nothing.")
_CI = typer.Option(help="Also write workflows that deliver the project's changes: github.")
_UNCONFINED = typer.Option("--unconfined", help="Read the file with all rights of yours.")


class _Place(NamedTuple):
    """A file of the user's, and its path in the project."""

    origin: Path
    inside: str
    copied: bool


def init(
    folder: Annotated[Path, _FOLDER] = Path(),
    from_: Annotated[str, _FROM] = "",
    data: Annotated[Path | None, _DATA] = None,
    name: Annotated[str | None, _NAME] = None,
    ci: Annotated[Literal["github"] | None, _CI] = None,
    yes: Annotated[bool, _YES] = False,
    dry_run: Annotated[bool, _DRY] = False,
    unconfined: Annotated[bool, _UNCONFINED] = False,
    json_: Json = False,
) -> None:
    """Create a project: models.yaml, stages.yaml, app.py, cdk.json and an example request.

    With --from, the entry in models.yaml is guessed: the framework from the file, the inputs from
    what the model was fitted on, and the accuracy gate from the rows of --data, or of a file
    `holdout.csv` (.parquet, .npz, .jsonl) beside the model. The command says what it guessed. It
    asks three questions at most, and none where standard input is not a terminal. A pickle may run
    code when it is loaded: it is read only if you trust it, without network, in a process that can
    write nothing. An address (hf://org/name, s3://bucket/key) is only written down: `lading
    package` downloads it. Files that exist are never changed. With --ci, workflows for GitHub
    Actions are written as well, also into a project that exists.

    Examples:

        lading init

        lading init churn --from pipeline.joblib --data holdout.csv

        lading init --from models/network.keras --name digits --yes

        lading init sentiment --from hf://org/name

        lading init --ci github
    """
    model = Path(from_) if from_ else None
    if ci and model is None and (folder / MODELS).is_file():
        add_workflows(folder, dry_run=dry_run, as_json=json_)
        return
    asks = not yes and sys.stdin.isatty()
    wanted = name or (guess_name(model, folder) if model else "")
    guessed: Guess | None = None
    places: tuple[_Place, ...] = ()
    if is_remote(from_):
        if data:
            raise typer.BadParameter("--data needs a model's file; name the rows in models.yaml")
        guessed = guess_address(wanted, from_)
    elif model:
        guessed, places = _guessed(folder, model, data, wanted, (yes, asks, unconfined))
    files = project_files(_service(folder), guessed.model if guessed else None)
    files |= workflow_files() if ci else {}
    existing = [path for path in files if (folder / path).exists()]
    if MODELS in existing:
        raise ProjectExists(folder / MODELS)
    new = {path: text for path, text in files.items() if path not in existing}
    if not dry_run:
        _write(folder, new, places)
    if json_:
        said = dict(guessed.said) if guessed else {}
        written = [*new, *(each.inside for each in places if each.copied)]
        document = {"folder": str(folder), "written": written, "guessed": said}
        typer.echo(json.dumps({**document, "kept": existing, "dry_run": dry_run}))
    elif dry_run:
        shown = {path: text for path, text in new.items() if not path.startswith(SCHEMAS)}
        typer.echo("".join(f"--- {path}\n{text}\n" for path, text in shown.items()), nl=False)
    else:
        typer.echo(_told(folder, new, places, guessed))


def _guessed(
    folder: Path, model: Path, data: Path | None, name: str, answers: tuple[bool, bool, bool]
) -> tuple[Guess, tuple[_Place, ...]]:
    """Return the guess about a model, and its files' places in the project."""
    yes, asks, unconfined = answers
    if not model.exists():
        raise SubjectError(str(model), "there is no such file or folder")
    trust = is_pickle(model) and _trusted(model, ["it is a pickle"], yes=yes, asks=asks)
    rows_file = data or _beside(model, asks=asks)
    table = _read(rows_file) if rows_file else {}
    spec, limits = ModelSpec(name=name, source=model, trust=trust), Limits(unconfined=unconfined)
    try:
        found = _inspect(spec, rows_file, limits)
    except SourceUntrusted as error:
        _trusted(model, error.contents, yes=yes, asks=asks)
        spec = replace(spec, trust=error.contents)
        found = _inspect(spec, rows_file, limits)
    source, rows = _place(folder, model, "models"), None
    places: tuple[_Place, ...] = (source,)
    lacks = missing_column(found, table)
    if data and lacks:
        raise SubjectError(str(data), f"has no column '{lacks}', which the model needs")
    if rows_file and not lacks:
        places = (source, _place(folder, rows_file, "data"))
        rows = GivenRows(places[1].inside, table)

    def choose(question: str, options: Sequence[str]) -> str:
        return _choose(question, options) if asks else ""

    return guess(name, source.inside, found, rows, choose, trust=spec.trust), places


def _trusted(model: Path, contents: Sequence[str], *, yes: bool, asks: bool) -> bool:
    """Return true if the user trusts a file that runs code.

    Raises:
        SubjectError: the user does not.
    """
    why = f"can run code when it is loaded ({', '.join(contents)})"
    if yes or (asks and typer.confirm(f"{model.name} {why}. Do you trust it?", err=True)):
        return True
    raise SubjectError(str(model), f"{why}; give --yes if you made it or trust who did")


def _beside(model: Path, *, asks: bool) -> Path | None:
    """Return held-out rows that lie beside the model, or that the user names."""
    for each in FORMATS:
        if (path := model.resolve().parent / f"holdout{each.suffix}").is_file():
            return path
    if not asks:
        return None
    question = "File of held-out rows, for the accuracy gate (empty: none)"
    given = typer.prompt(question, default="", show_default=False, err=True)
    return Path(given) if given else None


def _read(path: Path) -> Table:
    try:
        return read_table(path)
    except Unreadable as error:
        raise SubjectError(str(path), str(error)) from error


def _inspect(spec: ModelSpec, data: Path | None, limits: Limits) -> Inspected:
    with live_step() as show:
        show(f"read {spec.source}")
        return inspected(spec, data, limits)


def _place(folder: Path, path: Path, room: str) -> _Place:
    """Return where a file is in the project: where it lies, or else in a folder of its own."""
    real, project = path.resolve(), folder.resolve()
    if real.is_relative_to(project):
        return _Place(real, real.relative_to(project).as_posix(), copied=False)
    return _Place(real, f"{room}/{real.name}", copied=True)


def _choose(question: str, options: Sequence[str]) -> str:
    typer.echo("\n".join(f"  {number}  {each}" for number, each in enumerate(options, 1)), err=True)
    given: int = typer.prompt(f"{question} (0: none)", type=int, default=0, err=True)
    return options[given - 1] if 0 < given <= len(options) else ""


def _service(folder: Path) -> str:
    """Return the name of the service, with which names of resources begin."""
    text = "".join(each if each.isalnum() else "-" for each in folder.resolve().name.lower())
    text = text.encode("ascii", "ignore").decode().strip("-")[:20].strip("-")
    return text if text[:1].isalpha() else "lading"


def _write(folder: Path, files: Mapping[str, str], places: Sequence[_Place]) -> None:
    """Write the files, the manifest last: without it there is no project yet."""
    try:
        for place in places:
            target = folder / place.inside
            if place.copied and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                copy = shutil.copytree if place.origin.is_dir() else shutil.copy2
                copy(place.origin, target)
        for path in sorted(files, key=lambda each: each == MODELS):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(files[path], encoding="utf-8")
    except OSError as error:
        raise SubjectError(str(folder), f"cannot be written: {error.strerror}") from error


def _told(
    folder: Path, files: Mapping[str, str], places: Sequence[_Place], found: Guess | None
) -> str:
    written = [*files, *(each.inside for each in places if each.copied)]
    lines = [f"Created {folder}/ with {', '.join(sorted(written))}"]
    if found:
        lines.append("Guessed; edit models.yaml where it is wrong:")
        lines += [f"  {subject:10} {text}" for subject, text in found.said.items()]
    lines.append("Next:")
    here = [] if folder.resolve() == Path.cwd() else [f"  cd {folder}"]
    if found is None:
        return "\n".join([*lines, *here, "  add a model to models.yaml, then run `lading serve`"])
    sends = f" --input {EXAMPLE}" if EXAMPLE in files else ""
    lines += [*here, "  lading serve      packages the model, then answers requests"]
    lines.append(f"  lading predict {found.model.name}{sends}      one answer, without a server")
    return "\n".join(lines)
