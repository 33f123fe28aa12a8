from pathlib import Path

import pytest

from examples.digits.train import main
from model_packaging.conversion import Conversion
from model_packaging.converters.sklearn import CONVERTER
from model_packaging.manifest import ModelSpec


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
