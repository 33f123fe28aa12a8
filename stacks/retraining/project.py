"""The two sources of a model's builds: the model's own files, and Lading itself."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from lading.stacks.errors import SettingsError, StackError
from lading.stacks.retraining.plan import PlannedRetraining
from lading.training.retraining.needed import needed_files

_FILES = ("pyproject.toml", "README.md", "LICENSE")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*")


def project_asset(scope: Construct, plan: PlannedRetraining) -> assets.Asset:
    """Return the files that training and packaging a model need, below the manifest's folder.

    Raises:
        PackagingError: one is missing.
        StackError: one is not below the manifest's folder.
    """
    with TemporaryDirectory() as folder:
        root = plan.spec.manifest.parent
        for path in sorted(set(needed_files(plan.spec))):
            _copy(path, root, Path(folder))
        shutil.copy(plan.spec.manifest, Path(folder) / "models.yaml")
        if plan.lock.exists():
            shutil.copy(plan.lock, Path(folder) / "models.lock.json")
        if plan.champion is not None:
            shutil.copytree(plan.lock.parent / plan.champion, Path(folder) / plan.champion)
        return assets.Asset(scope, "Project", path=folder)


def lading_asset(scope: Construct, checkout: Path, requirements: Iterable[str]) -> assets.Asset:
    """Return Lading as pip can install it, and the files of libraries that packaging needs.

    Raises:
        SettingsError: a file of libraries is missing.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        for init in (checkout / "lading").glob("*/__init__.py"):  # each room, through its link
            room = init.parent
            shutil.copytree(room, folder / "lading" / room.name, ignore=_LEFT_OUT)
        shutil.copy(checkout / "lading/__init__.py", folder / "lading")
        for file in _FILES:
            shutil.copy(checkout / file, folder)
        for file in requirements:
            if not (checkout / file).is_file():
                reason = "is not a file of this checkout; `make lock` writes those that there are"
                raise SettingsError(f"retraining.requirements: {file} {reason}")
            (folder / file).parent.mkdir(exist_ok=True)
            shutil.copy(checkout / file, folder / file)
        return assets.Asset(scope, "Lading", path=name)


def _copy(path: Path, root: Path, folder: Path) -> None:
    if not path.is_relative_to(root):
        raise StackError(f"{path} must be below {root}, so that it can be built in the cloud")
    place = folder / path.relative_to(root)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        if path.is_dir():
            shutil.copytree(path, place, ignore=_LEFT_OUT, dirs_exist_ok=True)
        else:
            shutil.copy(path, place)
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror}") from error
