"""Models come and go while a server runs, through Triton's repository API and underneath it."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lading.functions.contract.errors import (
    MalformedRequest,
    ModelConflict,
    ModelNotFound,
    ModelUnavailable,
)
from lading.functions.contract.settings import ServingSettings
from lading.functions.contract.split import VersionSplit
from lading.functions.inference.app.application import create_app
from lading.functions.inference.lanes.lanes import Lanes
from lading.functions.inference.lanes.limits import LaneLimits
from lading.functions.inference.loading.catalog import Catalog, CatalogModel
from lading.functions.inference.loading.control import ModelControl
from lading.functions.inference.loading.folder import load_folder
from lading.functions.inference.observability.log import Observability
from lading.functions.inference.wire.asgi import App
from lading.functions.inference.wire.messages import Observation
from tests.support.driver import Answer, ask, serve
from tests.support.worlds import echo, settings_for, times, write_artifact, write_golden

ROWS = {"inputs": [[1, 2]]}


def world(root: Path) -> tuple[App, Catalog, ModelControl]:
    """`a` is served in versions 1 and 2, `b` lies in the folder too."""
    write_artifact(root, "a", 1, times(2))
    write_artifact(root, "a", 2, times(4))
    catalog = load_folder(root)
    write_artifact(root, "b", 1, echo())
    control = ModelControl(catalog, root)
    catalog.attach(control)
    return Observability(ServingSettings()).served(create_app(catalog)), catalog, control


def post(app: App, path: str) -> Answer:
    return ask(app, f"POST /v2/repository/{path}", {})


def index(app: App) -> list[tuple[str, str | None, str | None]]:
    entries = post(app, "index").document
    return [(each["name"], each.get("version"), each.get("state")) for each in entries]


def test_what_may_be_loaded_is_listed_beside_what_is_served(tmp_path: Path) -> None:
    app, _, _ = world(tmp_path)
    assert index(app) == [("a", "1", "READY"), ("a", "2", "READY"), ("b", None, None)]
    ready = ask(app, "POST /v2/repository/index", {"ready": True}).document
    assert {each["name"] for each in ready} == {"a"}


def test_a_model_answers_from_when_it_is_loaded_until_it_is_unloaded(tmp_path: Path) -> None:
    app, _, _ = world(tmp_path)
    assert ask(app, "POST /predict/b", ROWS).status == 404
    assert post(app, "models/b/load").document == {}
    for path in ("/predict/b", "/b/predict"):
        assert ask(app, f"POST {path}", ROWS).status == 200
    assert post(app, "models/b/unload").status == 200
    for path in ("/predict/b", "/b/predict"):
        assert ask(app, f"POST {path}", ROWS).status == 404
    assert post(app, "models/b/unload").status == 404


def test_loading_again_takes_what_has_been_put_there(tmp_path: Path) -> None:
    app, _, _ = world(tmp_path)
    write_artifact(tmp_path, "a", 3, times(8))
    post(app, "models/a/load")
    assert ask(app, "POST /predict/a", ROWS).document["version"] == 3


def test_what_does_not_load_leaves_what_is_served(tmp_path: Path) -> None:
    app, _, _ = world(tmp_path)
    (tmp_path / "models/a/2/model.onnx").write_bytes(b"broken")
    answer = post(app, "models/a/load")
    assert (answer.status, "models/a/2/model.onnx" in answer.error) == (503, True)
    assert ask(app, "POST /predict/a", ROWS).document["version"] == 2


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Only what nothing refers to is freed, as in the time between two collections."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def sessions(catalog: Catalog, name: str) -> list[weakref.ref[object]]:
    """onnxruntime's own sessions of a model, oldest version first."""
    versions = catalog.model(name).versions
    predictors = [getattr(versions[number], "_session", None) for number in sorted(versions)]
    return [weakref.ref(each._session) for each in predictors if each is not None]


def living(refs: list[weakref.ref[object]]) -> int:
    return sum(each() is not None for each in refs)


CHANGES: dict[str, tuple[Callable[[ModelControl], object], int]] = {
    "unloaded": (lambda control: control.unload("a"), 0),
    "one version unloaded": (lambda control: control.unload("a", 1), 1),
    "replaced": (lambda control: control.load("a"), 0),
    "another default": (lambda control: control.set_default("a", 1), 2),
}


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_no_longer_served_is_freed_without_the_collector(
    tmp_path: Path, change: str
) -> None:
    app, catalog, control = world(tmp_path)
    for path in ("/predict/a", "/a/predict", "/a/v2/models/a/versions/1/infer", "/a/models"):
        ask(app, f"POST {path}", ROWS)
    before = sessions(catalog, "a")
    assert living(before) == 2
    act, left = CHANGES[change]
    act(control)
    assert living(before) == left


@pytest.mark.usefixtures("no_collector")
def test_a_load_that_fails_keeps_none_of_what_it_loaded(tmp_path: Path) -> None:
    _, _, control = world(tmp_path)
    (tmp_path / "models/a/2/model.onnx").write_bytes(b"broken")
    before = len([each for each in gc.get_objects() if type(each).__name__ == "OnnxSession"])
    with pytest.raises(ModelUnavailable):
        control.load("a")
    after = len([each for each in gc.get_objects() if type(each).__name__ == "OnnxSession"])
    assert after == before


def test_a_default_is_set_and_kept(tmp_path: Path) -> None:
    app, _, control = world(tmp_path)
    control.set_default("a", 1)
    assert ask(app, "POST /a/predict", ROWS).document["version"] == 1
    with pytest.raises(ModelConflict, match="version 1 as its default"):
        control.unload("a", 1)
    control.unload("a", 2)
    control.unload("a", 1)
    assert ask(app, "POST /predict/a", ROWS).status == 404


@pytest.mark.parametrize("place", ["..", "/etc", "nothing", "../../x"])
def test_nothing_outside_the_folder_and_nothing_vague_is_loaded(tmp_path: Path, place: str) -> None:
    (tmp_path / "store").mkdir()
    write_artifact(tmp_path / "store", "a", 1, echo())
    control = ModelControl(load_folder(tmp_path / "store"), tmp_path / "store")
    with pytest.raises(MalformedRequest, match="folder below the root with exactly one model"):
        control.load("x", place)


@pytest.mark.parametrize("name", ["models", "v2", "", "a/b", "..", "x" * 64])
def test_a_name_that_paths_would_bend_is_refused(tmp_path: Path, name: str) -> None:
    _, _, control = world(tmp_path)
    with pytest.raises(MalformedRequest, match="is not a valid model name"):
        control.load(name)


def test_a_model_that_is_nowhere_is_not_found(tmp_path: Path) -> None:
    _, _, control = world(tmp_path)
    with pytest.raises(ModelNotFound):
        control.load("z")


def test_a_model_is_loaded_from_a_folder_of_its_own_under_another_name(tmp_path: Path) -> None:
    app, _, control = world(tmp_path)
    write_artifact(tmp_path / "hash", "c", 1, echo())
    control.load("renamed", "hash")
    assert ask(app, "POST /predict/renamed", ROWS).status == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("POST /v2/repository/models/m/load", 501),
        ("POST /v2/repository/models/m/unload", 501),
        ("GET /v2/models/stats", 200),
        ("POST /v2/repository/index", 200),
        ("GET /v2/models/m/config", 200),
    ],
)
def test_a_deployment_says_itself_what_is_served(tmp_path: Path, target: str, status: int) -> None:
    app = serve(settings_for(tmp_path, {"m": {1: echo()}}))
    assert ask(app, target, b"").status == status


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"ready": 1}', b'{"parameters": []}'])
def test_a_body_that_is_none_is_refused(tmp_path: Path, body: bytes) -> None:
    app, _, _ = world(tmp_path)
    path = "index" if b"parameters" not in body else "models/a/load"
    assert ask(app, f"POST /v2/repository/{path}", body).status == 400


def test_a_configuration_is_not_taken(tmp_path: Path) -> None:
    app, _, _ = world(tmp_path)
    body = {"parameters": {"config": "{}"}}
    assert ask(app, "POST /v2/repository/models/a/load", body).status == 501


def test_statistics_count_what_was_answered_and_what_failed(tmp_path: Path) -> None:
    app, _, control = world(tmp_path)
    for status in (200, 200, 400):
        seen = Observation(1.0, "plain", "a", 1, ended=2.0)
        if status == 200:
            seen.compute_started, seen.compute_ended = 1.25, 1.5
        control.statistics.note(seen, status)
    control.statistics.note(Observation(1.0, "plain", "a", 1, ended=2.0), 200)
    (counted,) = ask(app, "GET /v2/models/a/versions/1/stats").document["model_stats"]
    assert (counted["inference_count"], counted["version"]) == (2, "1")
    stats = counted["inference_stats"]
    assert stats["compute_infer"] == {"count": 2, "ns": 500_000_000}
    assert stats["success"] == {"count": 2, "ns": 2_000_000_000}
    assert stats["fail"]["count"] == 1
    assert len(ask(app, "GET /v2/models/stats").document["model_stats"]) == 2


class Endless(ModelControl):
    """A control whose models never end loading until `go` is set."""

    def __init__(self, catalog: Catalog, root: Path) -> None:
        super().__init__(catalog, root)
        self.begun, self.go = threading.Event(), threading.Event()

    def read(self, name: str, place: str = "") -> CatalogModel:
        self.begun.set()
        self.go.wait(60)
        return super().read(name, place)


def test_a_model_that_never_ends_loading_holds_up_nothing(tmp_path: Path) -> None:
    _, catalog, _ = world(tmp_path)
    control = Endless(catalog, tmp_path)
    catalog.attach(control)
    with Lanes(LaneLimits(threads=1)) as lanes:  # which ends though the load has not
        app = create_app(catalog, lanes=lanes)
        loading = threading.Thread(target=post, args=(app, "models/b/load"), daemon=True)
        loading.start()
        assert control.begun.wait(30)
        busy = [post(app, f"models/{it}") for it in ("a/load", "b/load", "a/unload")]
        assert [(each.status, each.headers["retry-after"]) for each in busy] == [(503, "1")] * 3
        assert "loading model 'b'" in busy[0].error
        assert ask(app, "POST /predict/a", ROWS).status == 200
        assert ask(app, "GET /v2/health/ready").status == 200
    control.go.set()
    loading.join(30)
    assert "b" in catalog.names()


def test_a_model_that_answers_wrong_is_not_loaded(tmp_path: Path) -> None:
    app, _, _ = world(tmp_path)
    write_golden(tmp_path, "b", 1, echo(), answer=[5.0, 5.0])
    answer = post(app, "models/b/load")
    assert answer.status == 503
    assert "a golden request is answered wrong" in answer.error
    write_golden(tmp_path, "b", 1, echo(), answer=[1.0, 2.0])
    assert post(app, "models/b/load").status == 200


def test_a_model_is_split_no_more_when_one_of_its_versions_is_unloaded(tmp_path: Path) -> None:
    _, catalog, control = world(tmp_path)
    split = VersionSplit({1: 50, 2: 50})
    catalog.put(catalog.model("a")._replace(split=split))
    control.make_default("a", 1)
    assert catalog.model("a").split == split
    control.drop("a", 2)
    assert catalog.model("a").split is None
