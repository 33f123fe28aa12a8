import subprocess
import sys
from pathlib import Path

import pytest

from lading.model_packaging.lock.file import read_lock
from lading.model_packaging.pipeline import STAGES, package
from lading.model_packaging.store.local import LocalStore
from tests.model_packaging.models import linear_spec

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a world for each point at which a packaging process was killed."""
    folder = tmp_path_factory.mktemp("killed")
    start = folder / "start"
    start.mkdir()
    package(
        linear_spec(start, gated=False), LocalStore(start / "store"), start / "models.lock.json"
    )
    command = [sys.executable, "-m", "tests.model_packaging.killing", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    return folder


def check_whole(world: Path) -> None:
    """Store and lock are as they were, or have version 2 complete."""
    store, lock = LocalStore(world / "store"), read_lock(world / "models.lock.json")
    versions = store.versions("linear")
    assert versions in ((1,), (1, 2))
    for version in versions:
        store.open("linear", version)
    entry = lock.model("linear")
    assert entry.labels["stable"] == max(entry.versions)
    for version, digest in lock.digests("linear").items():
        store.open("linear", version, digest)


def check_rerun(world: Path) -> None:
    """Packaging again ends as if nothing had happened, with nothing left over."""
    spec = linear_spec(world, seed=1, gated=False)
    packaged = package(spec, LocalStore(world / "store"), world / "models.lock.json")
    assert (packaged.version, packaged.labels) == (2, ("stable",))
    assert LocalStore(world / "store").versions("linear") == (1, 2)
    assert sorted(read_lock(world / "models.lock.json").digests("linear")) == [1, 2]
    if packaged.built:
        assert [path.name for path in (world / "store" / ".staging").iterdir()] == ["lock"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("moment", ["start", "done"])
def test_a_kill_at_any_stage_leaves_all_as_it_was_or_complete(
    worlds: Path, stage: str, moment: str
) -> None:
    world = worlds / f"{stage}-{moment}"
    check_whole(world)
    published = (stage, moment) == ("publish", "done") or stage == "lock"
    assert LocalStore(world / "store").versions("linear") == ((1, 2) if published else (1,))
    locked = read_lock(world / "models.lock.json").model("linear").labels["stable"]
    assert locked == (2 if (stage, moment) == ("lock", "done") else 1)
    check_rerun(world)


def test_a_kill_before_any_write_leaves_all_as_it_was_or_complete(worlds: Path) -> None:
    killed = sorted(worlds.glob("change-*"))
    assert len(killed) > 10
    for world in killed:
        check_whole(world)
        check_rerun(world)
