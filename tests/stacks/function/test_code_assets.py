"""Code as assets: built for the stacks that are deployed, and for no other."""

import hashlib
import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_lambda as lambda_

from lading.functions.contract.limits import LAMBDA
from lading.functions.contract.names import Library
from lading.model_packaging.lock.file import LockedModel
from lading.stacks.build.cache import CachedFolder
from lading.stacks.build.lambda_code import Folders, LambdaCode
from lading.stacks.errors import LayersTooLarge, PlanError
from lading.stacks.function.code_assets import CodeAssets
from lading.stacks.function.trace_layer import UNPACKED_BYTES
from lading.stacks.plan.models import LocalArtifact, PlannedModel
from lading.stacks.stages.settings import ModelSettings
from lading.stacks.stages.target import local_target
from tests.stacks.projects import local_artifact


class TinyCode(LambdaCode):
    """Lambda code of one file each, that counts how often it is read and built."""

    def __init__(self, project: Path) -> None:
        super().__init__(project, local_target())
        self.size = 1
        self.read: list[str] = []
        self.built: list[str] = []

    def _tiny(self, name: str) -> CachedFolder:
        def write(folder: Path) -> None:
            self.built.append(name)
            with (folder / f"{name}.py").open("wb") as file:
                file.truncate(self.size)

        self.read.append(name)
        return CachedFolder(self.project / "cache", name[0] * 64, write)

    def layer(self) -> CachedFolder:
        return self._tiny("layer")

    def functions(self) -> CachedFolder:
        return self._tiny("functions")

    def processing(self, library: Library) -> CachedFolder:
        return self._tiny(library)

    def build_processing(self, library: Library, layer: CachedFolder) -> Path:
        return layer.folder()

    def packages(
        self, model: str, requirements: Collection[str], libraries: Collection[Library] = ()
    ) -> CachedFolder | None:
        return self._tiny("packages")

    def build(self) -> Folders:
        return Folders(self.layer().folder(), self.functions().folder())


@pytest.fixture
def code(tmp_path: Path) -> TinyCode:
    return TinyCode(tmp_path)


def stack_of(folder: Path, *, deployed: bool) -> Stack:
    """A stack that is, or is not, among the ones that the CDK deploys."""
    patterns = ["S"] if deployed else ["Other"]
    return Stack(
        App(context={"aws:cdk:bundling-stacks": patterns}, outdir=str(folder / "out")), "S"
    )


def planned(folder: Path) -> tuple[PlannedModel, LocalArtifact]:
    entry = LockedModel.model_validate(local_artifact(folder, "digits"))
    content = (folder / "store/models/digits/3/artifact.json").read_bytes()
    digests = {
        path.name: f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in (folder / "store/models/digits/3").iterdir()
    }
    artifact = LocalArtifact(folder / "store/models/digits/3", digests, len(content))
    digest = entry.versions[3].digest
    return PlannedModel("digits", 3, digest, artifact, ModelSettings()), artifact


def staged(stack: Stack, code: lambda_.Code) -> list[str]:
    """Files of the asset that a layer of `code` becomes."""
    lambda_.LayerVersion(stack, "Layer", code=code)
    directory = Path(App.of(stack).synth().directory)  # type: ignore[union-attr]
    roots = [path for path in directory.glob("asset.*") if path.is_dir()]
    return sorted(str(it.relative_to(root)) for root in roots for it in root.rglob("*.*"))


def test_a_deployed_stack_has_its_code_built_once(tmp_path: Path, code: TinyCode) -> None:
    stack = stack_of(tmp_path, deployed=True)
    assets = CodeAssets(code)
    assets.functions(stack)
    assert staged(stack, assets.runtime(stack)) == ["layer.py"]
    assert code.built == ["layer", "functions"]


def test_for_any_other_stack_nothing_is_built(tmp_path: Path, code: TinyCode) -> None:
    stack = stack_of(tmp_path, deployed=False)
    model, artifact = planned(tmp_path)
    assets = CodeAssets(code)
    assets.require_fits(stack, model)
    assets.artifact(stack, model.name, model.version, artifact)
    assert staged(stack, assets.runtime(stack)) == []
    assert code.built == []


def test_a_local_artifact_becomes_a_layer_of_the_same_layout(
    tmp_path: Path, code: TinyCode
) -> None:
    model, artifact = planned(tmp_path)
    stack = stack_of(tmp_path, deployed=True)
    assert staged(stack, CodeAssets(code).artifact(stack, model.name, model.version, artifact)) == [
        f"models/digits/3/{name}" for name in ("artifact.json", "golden.json", "model.onnx")
    ]


def test_a_damaged_artifact_never_goes_up(tmp_path: Path, code: TinyCode) -> None:
    model, artifact = planned(tmp_path)
    (artifact.folder / "model.onnx").write_bytes(b"onnx, damaged")
    stack = stack_of(tmp_path, deployed=True)
    with pytest.raises(PlanError, match=r"model\.onnx is damaged; restore it"):
        CodeAssets(code).artifact(stack, model.name, model.version, artifact)


def test_a_model_that_does_not_fit_beside_the_code_is_refused(
    tmp_path: Path, code: TinyCode
) -> None:
    code.size = LAMBDA.unpacked_bytes
    model, _ = planned(tmp_path)
    with pytest.raises(LayersTooLarge, match="model 'digits': its function and layers unpack"):
        CodeAssets(code).require_fits(stack_of(tmp_path, deployed=True), model)


def test_a_model_that_does_not_fit_beside_the_layer_of_traces_is_refused(
    tmp_path: Path, code: TinyCode
) -> None:
    model, artifact = planned(tmp_path)
    code.size = (LAMBDA.unpacked_bytes - UNPACKED_BYTES - artifact.size) // 2
    stack = stack_of(tmp_path, deployed=True)
    CodeAssets(code).require_fits(stack, model, traced=True)
    code.size += 1
    shutil.rmtree(tmp_path / "cache")
    CodeAssets(code).require_fits(stack, model)
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(LayersTooLarge, match=r"; remove watching\.trace_layers from stages\.yaml"):
        CodeAssets(code).require_fits(stack, model, traced=True)


def test_only_the_layer_of_the_library_that_a_model_needs_is_built(
    code: TinyCode, tmp_path: Path
) -> None:
    assets, (model, _) = CodeAssets(code), planned(tmp_path)
    stack = stack_of(tmp_path, deployed=True)
    assets.require_fits(stack, model)
    assert code.built == ["layer", "functions"]
    assets.require_fits(stack, replace(model, processing=("pillow",)))
    assert code.built == ["layer", "functions", "pillow"]
    assets.processing(stack, "tokenizers")
    assert code.built == ["layer", "functions", "pillow", "tokenizers"]


def test_locked_requirements_are_read_once_however_many_models_need_them(
    code: TinyCode, tmp_path: Path
) -> None:
    assets, model = CodeAssets(code), replace(planned(tmp_path)[0], processing=("pillow",))
    stack = stack_of(tmp_path, deployed=True)
    for number in range(3):
        assets.require_fits(stack, model)
        assets.processing(Stack(stack, f"Model{number}"), "pillow")
    assert code.read.count("pillow") == 1


def test_a_processing_layer_counts_towards_lambdas_limit(code: TinyCode, tmp_path: Path) -> None:
    code.size = LAMBDA.unpacked_bytes // 3
    model = replace(planned(tmp_path)[0], processing=("tokenizers",))
    with pytest.raises(LayersTooLarge, match="tokenizers"):
        CodeAssets(code).require_fits(stack_of(tmp_path, deployed=True), model)


def test_the_packages_of_a_class_count_towards_lambdas_limit_and_the_way_out_is_a_container(
    code: TinyCode, tmp_path: Path
) -> None:
    code.size = LAMBDA.unpacked_bytes // 3
    model = replace(planned(tmp_path)[0], requirements=("six==1.17.0",))
    with pytest.raises(LayersTooLarge, match=r"its packages 83\.3 MB.*set target: container"):
        CodeAssets(code).require_fits(stack_of(tmp_path, deployed=True), model)
