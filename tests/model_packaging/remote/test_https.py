import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.model_packaging.lock.file import LockedSource
from lading.model_packaging.remote.cache import Fetched, fetch
from lading.model_packaging.remote.kind import SourceUnfetched
from tests.model_packaging.remote.places import Place, certificate, web
from tests.support.worlds import times

MODEL = times(2)
DIGEST = hashlib.sha256(MODEL).hexdigest()
MOVED = {
    "/moved": "/model.onnx",
    "/insecure": "http://127.0.0.1:9/model.onnx",
    "/file": "file:///etc/passwd",
    "/loop": "/loop",
}


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def place(pem: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setitem(os.environ, "SSL_CERT_FILE", str(pem))
    with web({"/model.onnx": MODEL}, MOVED, pem) as made:
        yield made


def get(address: str, cache: Path, pin: LockedSource | None = None) -> Fetched:
    return fetch(address, pin, cache, lambda *_: None)


def test_a_file_is_downloaded_once_and_then_found_without_a_request(
    place: Place, tmp_path: Path
) -> None:
    address = f"{place.url}/model.onnx#sha256={DIGEST}"
    first = get(address, tmp_path)
    assert (first.path.name, first.path.read_bytes()) == ("model.onnx", MODEL)
    assert (first.pin.revision, first.bytes) == (f"sha256:{DIGEST}", len(MODEL))
    again = get(address, tmp_path, first.pin)
    assert (again.path, again.pin, again.bytes) == (first.path, first.pin, 0)
    assert place.seen == ["GET /model.onnx"]


def test_progress_ends_with_the_size(place: Place, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    address = f"{place.url}/model.onnx#sha256={DIGEST}"
    fetch(address, None, tmp_path, lambda done, total: told.append((done, total)))
    assert told[-1] == (len(MODEL), len(MODEL))


def test_a_redirect_within_https_is_followed(place: Place, tmp_path: Path) -> None:
    assert get(f"{place.url}/moved#sha256={DIGEST}", tmp_path).path.read_bytes() == MODEL


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/insecure", "redirects to an address that is not https"),
        ("/file", "redirects to an address that is not https"),
        ("/loop", "redirects more than 5 times"),
        ("/absent", "status 404"),
    ],
)
def test_a_download_that_leads_elsewhere_leaves_nothing(
    place: Place, tmp_path: Path, path: str, reason: str
) -> None:
    with pytest.raises(SourceUnfetched, match=reason):
        get(f"{place.url}{path}#sha256={DIGEST}", tmp_path)
    assert not list(tmp_path.iterdir())


def test_another_content_is_refused(place: Place, tmp_path: Path) -> None:
    with pytest.raises(SourceUnfetched, match=f"has the digest sha256:{DIGEST}, not"):
        get(f"{place.url}/model.onnx#sha256={'0' * 64}", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fragment", ["", "#", "#sha256=abc", "#md5=0"])
def test_a_digest_is_required_before_any_request(
    place: Place, tmp_path: Path, fragment: str
) -> None:
    with pytest.raises(SourceUnfetched, match="needs #sha256="):
        get(f"{place.url}/model.onnx{fragment}", tmp_path)
    assert place.seen == []


def test_a_password_is_refused_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(SourceUnfetched, match="must not contain a password") as caught:
        get(f"https://me:secret@example.com/m.onnx#sha256={DIGEST}", tmp_path)
    assert "secret" not in str(caught.value)


def test_a_query_is_not_shown(place: Place, tmp_path: Path) -> None:
    with pytest.raises(SourceUnfetched, match="404") as caught:
        get(f"{place.url}/absent?signature=secret#sha256={DIGEST}", tmp_path)
    assert "secret" not in str(caught.value)


def test_a_certificate_that_nobody_signed_is_refused(pem: Path, tmp_path: Path) -> None:
    with web({"/model.onnx": MODEL}, {}, pem) as place:
        with pytest.raises(SourceUnfetched, match="certificate"):
            get(f"{place.url}/model.onnx#sha256={DIGEST}", tmp_path)
        assert place.seen == []
