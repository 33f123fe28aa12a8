from pathlib import Path

import pytest

from examples.digits.train import main
from lading.model_packaging.conversion import Conversion
from lading.model_packaging.converters.sklearn import CONVERTER
from lading.model_packaging.manifest.models import ModelSpec
from tests.model_packaging.stores import S3, Folder, Place


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example's model.skops and holdout.npz; not to be written to."""
    folder = tmp_path_factory.mktemp("digits")
    main(folder)
    return folder


@pytest.fixture(scope="session")
def converted(digits: Path) -> Conversion:
    """The example's model as ONNX, with its reference."""
    return CONVERTER.convert(ModelSpec("digits", digits / "model.skops"))


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Every store that there is, one after another."""
    if request.param == "local":
        return Folder(tmp_path / "store")
    return S3(request.getfixturevalue("bucket"))
