import json
from pathlib import Path
from typing import Any

import pytest

from lading.training.retraining.event import EventUnusable, read_event

DIGEST = f"sha256:{'5' * 64}"
COPY = {
    "kind": "s3",
    "bucket": "ours",
    "key": "models/m/2/artifact.zip",
    "version_id": "v",
    "bytes": 1,
}
EVENT: dict[str, Any] = {
    "model": "m",
    "version": 2,
    "digest": DIGEST,
    "against": 1,
    "label": "stable",
    "reason": "it is better",
    "comparison": [],
    "entry": {"identity": DIGEST, "digest": DIGEST, "target": "lambda", "stores": [COPY]},
}


def written(folder: Path, document: Any) -> Path:
    path = folder / "event.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("document", [EVENT, {"source": "lading", "detail": EVENT}])
def test_an_event_is_read_with_and_without_its_envelope(tmp_path: Path, document: Any) -> None:
    event = read_event(written(tmp_path, document))
    assert (event.model, event.version, event.label) == ("m", 2, "stable")
    assert event.model_dump(mode="json")["entry"]["stores"][0]["bucket"] == "ours"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "(top): "),
        ({"detail": None}, "(top): "),
        ({**EVENT, "version": 0}, "version: "),
        ({**EVENT, "label": "../x"}, "label: "),
        ({**EVENT, "model": "a/b"}, "model: "),
        ({**EVENT, "digest": f"sha256:{'6' * 64}"}, "entry has the digest"),
        ({**EVENT, "more": 1}, "more: "),
        ({key: each for key, each in EVENT.items() if key != "entry"}, "entry: "),
    ],
)
def test_anything_else_is_one_line(tmp_path: Path, document: Any, reason: str) -> None:
    with pytest.raises(EventUnusable) as caught:
        read_event(written(tmp_path, document))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 100_000, b" " * (1 << 20) + b"{}"])
def test_hostile_bytes_are_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "event.json"
    path.write_bytes(content)
    with pytest.raises(EventUnusable, match=r"is not the event of a retraining"):
        read_event(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(EventUnusable, match="cannot be read: No such file"):
        read_event(tmp_path / "gone.json")
