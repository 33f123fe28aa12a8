"""A teacher at an endpoint: the emulated SageMaker in front of an engine that really runs."""

from pathlib import Path

import numpy as np
import pytest

from lading.emulator.engines.container_process import EngineProcess, service_container
from lading.emulator.sagemaker.endpoint import LocalEndpoint
from lading.training.distillation.distilling import distill
from lading.training.distillation.teachers import find_teacher
from lading.training.errors import TrainingError
from tests.support import s3
from tests.support.emulator_sagemaker import serving
from tests.training.distillation.conftest import Project, publish_teacher, rows, weights

LOCK = "models.lock.json"
STUDENT = {"student": "sklearn.linear_model.LogisticRegression", "parameters": {"C": 1e4}}
LARGE = {"target": "sagemaker", "engine": {"name": "triton"}}


@pytest.mark.slow
def test_a_student_learns_from_a_model_at_an_endpoint(project: Project, tmp_path: Path) -> None:
    pytest.importorskip("skops", reason="the student is saved by it")
    spec = project(teacher_keys=LARGE, endpoint="e", **STUDENT)
    publish_teacher(tmp_path)
    teacher = find_teacher(spec, tmp_path / LOCK)
    assert teacher.name == "large version 1"
    assert teacher.bytes > (tmp_path / "large.onnx").stat().st_size / 2
    program = service_container(tmp_path / "artifacts/models/large/1/engine")
    there = LocalEndpoint("e", EngineProcess("e", program, tmp_path / "engine.log"))
    with serving(there) as runtime, s3.aws(f"http://127.0.0.1:{runtime.port}"):
        run = distill(spec, teacher, lambda *_: None)
    assert {each.status for each in runtime.accesses} == {200}
    assert len(runtime.accesses) == -(-400 // 64)
    import skops.io

    student = skops.io.load(run.model / "student.skops", trusted=[])
    data = rows(500, 3)
    assert np.mean(student.predict(data) == (data @ weights()).argmax(axis=1)) > 0.95


def test_an_endpoint_that_is_not_there_is_one_line(project: Project, tmp_path: Path) -> None:
    spec = project(teacher_keys=LARGE, endpoint="e", **STUDENT)
    publish_teacher(tmp_path)
    teacher = find_teacher(spec, tmp_path / LOCK)
    with (
        s3.aws("http://127.0.0.1:9"),
        pytest.raises(TrainingError, match=r"models.small.distill.data: the teacher does not ans"),
    ):
        distill(spec, teacher, lambda *_: None)


def test_a_model_behind_an_engine_needs_its_endpoint(project: Project, tmp_path: Path) -> None:
    spec = project(teacher_keys=LARGE, **STUDENT)
    publish_teacher(tmp_path)
    with pytest.raises(TrainingError, match=r"models.small.distill.endpoint: is required: large"):
        find_teacher(spec, tmp_path / LOCK)
