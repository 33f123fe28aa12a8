"""Folders as Lambda code: built at synth, and only for stacks that are being deployed.

`cdk ls` builds nothing, and `cdk deploy lading-dev-artifacts` builds no runtime layer: in a stack
that is not deployed, an asset has its hash, which is known without building, and no content.
"""

import shutil
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lading.functions.contract.names import Library, artifact_folder
from lading.stacks.build.cache import CachedFolder
from lading.stacks.build.lambda_code import CACHE, Folders, LambdaCode
from lading.stacks.errors import PlanError
from lading.stacks.function.trace_layer import UNPACKED_BYTES
from lading.stacks.plan.layer_sizes import TRACES, layer_sizes, require_fits
from lading.stacks.plan.models import LocalArtifact, PlannedModel

_PLACEHOLDER = str(Path(__file__).parent)
"""An existing folder, which an asset must name as its source, although nothing is read from it."""


@jsii.implements(ILocalBundling)
class _CopyOf:
    """Bundling that copies a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def try_bundle(self, output_dir: str, options: Any = None, **_: Any) -> bool:  # noqa: ARG002
        """Implement `ILocalBundling`."""
        shutil.copytree(self._folder, output_dir, dirs_exist_ok=True)
        return True


class CodeAssets:
    """The Lambda code of one app: the same assets in every stack.

    Args:
        code: builds the runtime layer, the layers of processing steps, and the functions' code.
    """

    def __init__(self, code: LambdaCode) -> None:
        self._code = code
        self._layer, self._functions = code.layer(), code.functions()
        self._processing: Callable[[Library], CachedFolder] = cache(code.processing)
        self._built_processing: Callable[[Library], Path] = cache(
            lambda library: code.build_processing(library, self._processing(library))
        )

        self._packages: Callable[[str, tuple[str, ...], tuple[Library, ...]], CachedFolder | None]
        self._packages = cache(code.packages)

    @cached_property
    def _built(self) -> Folders:
        return self._code.build()

    @cached_property
    def _sizes(self) -> Mapping[str, int]:
        return layer_sizes(self._built.layer, self._built.functions)

    @property
    def project(self) -> Path:
        """Folder of the checkout."""
        return self._code.project

    def runtime(self, scope: Construct) -> lambda_.Code:
        """Return the runtime layer."""
        return _code(scope, self._layer.asset_hash, lambda: self._built.layer)

    def processing(self, scope: Construct, library: Library) -> lambda_.Code:
        """Return the layer of models that need the library."""
        asset_hash = self._processing(library).asset_hash
        return _code(scope, asset_hash, lambda: self._built_processing(library))

    def packages(self, scope: Construct, model: PlannedModel) -> lambda_.Code | None:
        """Return the layer with the packages of a class of the user's own; None: it needs none."""
        folder = self._packages_of(model)
        return _code(scope, folder.asset_hash, folder.folder) if folder else None

    def _packages_of(self, model: PlannedModel) -> CachedFolder | None:
        if not model.requirements:
            return None
        return self._packages(model.name, model.requirements, model.processing)

    def functions(self, scope: Construct) -> lambda_.Code:
        """Return the code of all functions."""
        return _code(scope, self._functions.asset_hash, lambda: self._built.functions)

    def pages(self, scope: Construct) -> lambda_.Code:
        """Return the code and the files of the pages."""
        folder = self._code.pages()
        return _code(scope, folder.asset_hash, folder.folder)

    def artifact(
        self, scope: Construct, model: str, version: int, source: LocalArtifact
    ) -> lambda_.Code:
        """Return a local artifact of a model's version as a layer."""
        digests = sorted(source.digests.items())
        asset_hash = sha256(repr((model, version, digests)).encode()).hexdigest()
        root = self._code.project / CACHE / "artifacts" / asset_hash
        return _code(scope, asset_hash, lambda: _staged(model, version, source, root))

    def require_fits(self, scope: Construct, model: PlannedModel, *, traced: bool = False) -> None:
        """Refuse a model that does not fit beside the code, as soon as that is built.

        Args:
            scope: the stack.
            model: the model.
            traced: whether its function has the layer that traces with OpenTelemetry.

        Raises:
            LayersTooLarge: it does not fit.
        """
        if Stack.of(scope).bundling_required:
            steps = layer_sizes(*(self._built_processing(it) for it in model.processing))
            traces = {TRACES: UNPACKED_BYTES} if traced else {}
            code = {**self._sizes, **steps, **traces}
            layers = sum(it.artifact.size for it in model.served if it.artifact.layer)
            own = self._packages_of(model)
            packages = layer_sizes(own.folder()) if own else {}
            require_fits(model.name, code, layers, packages)


def _staged(model: str, version: int, source: LocalArtifact, root: Path) -> Path:
    """Copy the artifact's files to `root` as a layer holds them, each verified.

    An asset is uploaded once for each hash, so a damaged file would stay for ever.
    """
    folder = root / artifact_folder(model, version)
    folder.mkdir(parents=True, exist_ok=True)
    for name, expected in source.digests.items():
        content = (source.folder / name).read_bytes()
        if f"sha256:{sha256(content).hexdigest()}" != expected:
            reason = f"{source.folder / name} is damaged; restore it, or package again"
            raise PlanError(model, version, reason)
        (folder / name).write_bytes(content)
    return root


def _code(scope: Construct, asset_hash: str, build: Callable[[], Path]) -> lambda_.Code:
    source = build() if Stack.of(scope).bundling_required else Path(_PLACEHOLDER)
    bundling = BundlingOptions(image=DockerImage.from_registry("unused"), local=_CopyOf(source))
    return lambda_.Code.from_asset(
        _PLACEHOLDER, asset_hash=asset_hash, asset_hash_type=AssetHashType.CUSTOM, bundling=bundling
    )
