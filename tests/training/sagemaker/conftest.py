"""The cloud of the tests: S3, and the emulated training API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.s3 import running
from tests.support.training_cloud import TrainingCloud, training_cloud


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    with running() as url:
        yield url


@pytest.fixture
def cloud(s3_url: str, tmp_path: Path) -> Iterator[TrainingCloud]:
    with training_cloud(s3_url, tmp_path / "jobs") as found:
        yield found
