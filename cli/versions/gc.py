"""`lading gc`: remove from a store what no lock names."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from lading.api.errors import NothingLocked
from lading.cli.options import LOCK, STORE, Json, Lock, Names, Store
from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.sizes import in_words
from lading.model_packaging.store.garbage import Retention, Unlocked, collect
from lading.model_packaging.store.s3 import S3Store
from lading.model_packaging.store.versions import open_store

_DAYS = typer.Option(
    "--older-than",
    metavar="DAYS",
    min=0,
    max=36_500,
    help="Keep what was published or retired in the last DAYS days.",
)
_KEEP = typer.Option(help="Another lock whose versions stay, such as a branch's; repeat for more.")


def gc(
    names: Names = None,
    delete: Annotated[bool, typer.Option("--delete", help="Remove it; default: list it.")] = False,
    older_than: Annotated[int, _DAYS] = 30,
    keep_locks: Annotated[list[Path] | None, _KEEP] = None,
    lock: Lock = LOCK,
    store: Store = STORE,
    json_: Json = False,
) -> None:
    """List what a store holds for no lock; with `--delete`, remove it.

    A version that the lock names is never removed. Models that the lock never had are not touched.
    In S3, a removed object becomes a noncurrent version, which the bucket's life cycle deletes.

    Examples:

        lading gc

        lading gc digits --older-than 7 --delete

        lading gc --store s3://my-bucket/models --keep-locks prod.lock.json --json
    """
    known = read_lock(lock).root
    missing = [f"model '{name}'" for name in names or () if name not in known]
    if missing or not known:
        raise NothingLocked(lock, missing[0] if missing else "versions")
    target = open_store(store)
    since = datetime.now(UTC) - timedelta(days=older_than)
    retention = Retention(lock, keep_locks or (), since)
    found = []
    for each in collect(names or (), target, retention, delete=delete):
        found.append(each)
        typer.echo(_line(each, delete=delete), err=json_)
    if json_:
        typer.echo(json.dumps(_document(store, found, delete=delete), indent=2))
    else:
        typer.echo(_summary(found, delete=delete, s3=isinstance(target, S3Store)))


def _line(each: Unlocked, *, delete: bool) -> str:
    stored, version = each.stored, each.stored.version
    what = f"version {version}" if version is not None else "files that no version needs"
    verb = "removed" if delete else "can be removed"
    state = f"kept, {each.kept}" if each.kept else verb
    return f"{each.model} {what}, {in_words(stored.bytes)}, {state}: {stored.place}"


def _summary(found: Iterable[Unlocked], *, delete: bool, s3: bool) -> str:
    size = in_words(_freed(found))
    if all(each.kept for each in found):
        return "there is nothing to remove"
    if not delete:
        return f"{size} can be freed; add --delete to free it"
    later = " when the bucket's life cycle deletes noncurrent versions" if s3 else ""
    return f"freed {size}{later}"


def _freed(found: Iterable[Unlocked]) -> int:
    return sum(each.stored.bytes for each in found if not each.kept)


def _document(store: str, found: Iterable[Unlocked], *, delete: bool) -> dict[str, Any]:
    parts = [
        {
            "model": each.model,
            "version": each.stored.version,
            "place": each.stored.place,
            "bytes": each.stored.bytes,
            "kept": each.kept or None,
        }
        for each in found
    ]
    return {"store": store, "deleted": delete, "bytes": _freed(found), "parts": parts}
