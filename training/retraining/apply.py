"""Enters a retrained version in the lock, and sets its label; the version is verified before."""

from pathlib import Path

from lading.model_packaging.lock.edits import LockEdit, edit_lock, with_version
from lading.model_packaging.lock.file import Lock, LockError, read_lock
from lading.model_packaging.store.versions import store_of
from lading.training.retraining.event import RetrainedVersion


def apply_event(
    event: RetrainedVersion, lock: Path, label: str | None, *, write: bool = True
) -> LockEdit:
    """Enter the version of an event in the lock, and set a label.

    The event may come from anywhere: the version is read from the store that it names, and must
    have the event's digest, unless the lock has it already.

    Args:
        event: the event.
        lock: path of models.lock.json.
        label: the label to set; None sets none.
        write: False to return the edit only.

    Raises:
        StoreError: the version cannot be read, or has another digest.
        LockError: the lock has this version with another digest, or the event names no copy in S3.
    """
    if read_lock(lock).digests(event.model).get(event.version) != event.digest:
        _verify(event, lock)

    def change(content: Lock) -> Lock:
        model = content.model(event.model)
        if event.version not in model.versions:
            entry = event.entry.model_copy(update={"stores": event.copies})
            model = with_version(lock, content, event.model, event.version, entry)
        if label is not None:
            model = model.labeled(label, event.version)
        return content.replaced(event.model, model)

    return edit_lock(lock, change, write=write)


def _verify(event: RetrainedVersion, lock: Path) -> None:
    """Read the version from every place that the event names."""
    if not event.copies:
        reason = f"does not have version {event.version} of model '{event.model}', and the event "
        raise LockError(lock, f"{reason}names no copy of it in S3")
    for copy in event.copies:
        store_of(copy, event.model, event.version, lock).open(
            event.model, event.version, event.digest
        )
