"""`models:/name/3`, `models:/name@alias`, `runs:/id/path`: a model that MLflow has logged.

MLflow's own client finds the tracking server (MLFLOW_TRACKING_URI), its credentials and the store
of its files. The revision of an alias is the version that it is on. A version and a run name their
content; the lock's digest says whether it is still the same.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from lading.model_packaging.library_errors import LibraryFailed, library_errors
from lading.model_packaging.quiet import prepare_mlflow, quiet
from lading.model_packaging.remote.kind import OnBytes, RemoteKind, Room, SourceUnfetched, missing
from lading.model_packaging.sources.mlflow_folder import gather_components

_VERSION: Final = re.compile(r"models:/([^/@:]+)/(\d+)")
_ALIAS: Final = re.compile(r"models:/([^/@:]+)@([^/@:]+)")
_LOGGED: Final = re.compile(r"models:/(m-\w+)")
_RUN: Final = re.compile(r"runs:/(\w+)/(.+)")
_MOST_FILES: Final = 2_000
_DEEPEST: Final = 16
_EVERY_S: Final = 0.5
_ARRIVING: Final = ".arriving"
_NOTE: Final = "registered_model_meta"
"""A file that the client adds; it says what the address was."""


def _resolve(address: str) -> str:
    found = _ALIAS.fullmatch(address)
    if found is None:
        _require_known(address)
        return address
    with _client(address) as mlflow:
        version = mlflow.MlflowClient().get_model_version_by_alias(*found.groups()).version
        return f"models:/{found[1]}/{version}"


def _fetch(address: str, revision: str, folder: Path, on_bytes: OnBytes) -> None:
    with _client(address) as mlflow:
        sizes = dict(_listed(mlflow.artifacts, address, revision))
        room = Room(address, folder, on_bytes, sum(sizes.values()))
        for name in sizes:
            room.require_below(name)
        arrived = folder / _ARRIVING
        with _watched(folder, on_bytes, sum(sizes.values())):
            found = mlflow.artifacts.download_artifacts(
                artifact_uri=revision, dst_path=str(arrived)
            )
    _lift(Path(found), folder)
    shutil.rmtree(arrived)
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    if any(path.is_symlink() or not path.is_file() for path in files):
        raise SourceUnfetched(address, "has a link; MLflow's models consist of files")
    room.took(sum(path.stat().st_size for path in files))
    gather_components(folder)


def _lift(found: Path, folder: Path) -> None:
    """Move a file or the content of a folder; the client keeps part of a run's path above it."""
    for path in [found] if found.is_file() else sorted(found.iterdir()):
        if path.name != _NOTE:
            path.rename(folder / path.name)


def _require_known(address: str) -> None:
    if not any(kind.fullmatch(address) for kind in (_VERSION, _LOGGED, _RUN)):
        forms = "models:/name/3, models:/name@alias or runs:/id/path"
        raise SourceUnfetched(address, f"is not of the form {forms}; stages and latest may move")
    if any(part in {"", ".", ".."} for part in address.partition(":/")[2].split("/")):
        raise SourceUnfetched(address, "has a path that leads elsewhere")


def _listed(artifacts: Any, address: str, revision: str) -> Iterator[tuple[str, int]]:
    """Yield the name and size of each file, as the server states them."""
    waiting, found = [""], 0
    while waiting:
        folder = waiting.pop()
        for each in artifacts.list_artifacts(**_place(revision, folder)):
            found += 1
            if found > _MOST_FILES or each.path.count("/") > _DEEPEST:
                raise SourceUnfetched(address, f"has more than {_MOST_FILES} files, or deeper ones")
            if each.is_dir:
                waiting.append(_below(revision, each.path))
            else:
                yield each.path, each.file_size or 0


def _place(revision: str, folder: str) -> dict[str, str]:
    """Return the client's arguments for a folder of a model."""
    run = _RUN.fullmatch(revision)
    if run:
        return {"run_id": run[1], "artifact_path": f"{run[2].rstrip('/')}/{folder}".rstrip("/")}
    return {"artifact_uri": f"{revision}/{folder}".rstrip("/")}


def _below(revision: str, path: str) -> str:
    """Return a listed path, below the model: a run lists paths below the run."""
    run = _RUN.fullmatch(revision)
    return path.removeprefix(f"{run[2].rstrip('/')}/") if run else path


@contextmanager
def _watched(folder: Path, on_bytes: OnBytes, total: int) -> Iterator[None]:
    """Tell how many bytes a folder has while the client fills it."""
    done = Event()

    def watch() -> None:
        while not done.wait(_EVERY_S):
            # os.walk skips a folder that the client has just removed.
            files = (Path(at, name) for at, _, names in os.walk(folder) for name in names)
            on_bytes(sum(map(_size, files)), total)

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # the client renames files
        return 0


@contextmanager
def _client(address: str) -> Iterator[Any]:
    """Yield MLflow's client; its errors become ours."""
    prepare_mlflow()
    try:
        import mlflow
        import mlflow.artifacts
    except ModuleNotFoundError as error:
        raise SourceUnfetched(address, missing("mlflow-skinny", "mlflow")) from error
    try:
        with (
            quiet(),
            library_errors(ImportError, SourceUnfetched),
        ):  # stores have errors of any kind
            yield mlflow
    except ImportError as error:  # a library of the store
        reason = f"lies in a store that needs {error.name}, which is not installed"
        raise SourceUnfetched(address, f"{reason}; pip install it") from error
    except LibraryFailed as error:
        reason = _without_credentials(" ".join(str(error.__cause__).split())[:300])
        advice = "check the name, and the server and credentials in MLFLOW_TRACKING_URI and others"
        raise SourceUnfetched(address, f"cannot be downloaded: {reason}; {advice}") from error


def _without_credentials(text: str) -> str:
    return re.sub(r"://[^/@\s]*@", "://", text)


MLFLOW = RemoteKind(
    ("models:/", "runs:/"), "models:/churn@champion", resolve=_resolve, fetch=_fetch
)
