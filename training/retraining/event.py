"""The event of a retraining: which version it published, how that compares, which label to set.

    {"model": "churn", "version": 3, "digest": "sha256:…", "against": 2, "label": "stable",
     "reason": "with 95 % confidence, accuracy drops by …", "comparison": [{"metric": …}, …],
     "entry": {…}}

`entry` is the version's entry for models.lock.json. In the cloud it is the `detail` of an event on
EventBridge's default bus, from the source `lading`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lading.functions.contract.names import NAME_PATTERN
from lading.model_packaging.errors import PackagingError
from lading.model_packaging.lock.file import LockedVersion, S3Copy

SOURCE, KIND = "lading", "Lading Model Retrained"
"""The event's source and detail type."""

_MOST_BYTES = 1 << 20


class EventUnusable(PackagingError):
    """A file is not the event of a retraining.

    Remedy: name the file that a retraining wrote.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is not the event of a retraining: {reason}")
        self.path, self.reason = path, reason


class RetrainedVersion(BaseModel):
    """A version that a retraining published."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(pattern=f"^{NAME_PATTERN}$")
    version: int = Field(ge=1)
    digest: str
    against: int | None
    """The version that it was compared with; None if no version served."""
    label: str | None = Field(default=None, pattern=f"^{NAME_PATTERN}$")
    """The proposed label."""
    reason: str
    comparison: list[Mapping[str, Any]]
    """The metrics of both versions, as `lading evaluate --json` has them."""
    entry: LockedVersion

    @model_validator(mode="after")
    def _of_one_artifact(self) -> "RetrainedVersion":
        if self.entry.digest != self.digest:
            raise ValueError(f"entry has the digest {self.entry.digest}, not {self.digest}")
        return self

    @property
    def copies(self) -> tuple[S3Copy, ...]:
        """The copies in S3."""
        return tuple(each for each in self.entry.stores if isinstance(each, S3Copy))


def read_event(path: Path) -> RetrainedVersion:
    """Read an event: EventBridge's whole document, or only its `detail`.

    Raises:
        EventUnusable: the file cannot be read, or is no such event.
    """
    try:
        content = path.read_bytes()
        if len(content) > _MOST_BYTES:
            raise EventUnusable(path, f"it has {len(content):,} bytes")
        document = json.loads(content)
        if isinstance(document, dict) and "detail" in document:
            document = document["detail"]
        return RetrainedVersion.model_validate(document)
    except OSError as error:
        raise EventUnusable(path, f"it cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "(top)"
        raise EventUnusable(path, f"{place}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise EventUnusable(path, f"it is not JSON: {error}") from error
