"""Container images of the engines, by region, from the tables of SageMaker's SDK.

Only the tables of the distribution `sagemaker-core` are read: importing the SDK needs 731 MB of
other libraries, and looks for credentials (docs/adr/0015).
"""

import json
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from lading.model_packaging.errors import PackagingError
from lading.model_packaging.manifest.entries import EngineName
from lading.model_packaging.manifest.models import ModelSpec

TABLES: Mapping[EngineName, str] = {
    "triton": "sagemaker-tritonserver",
    "vllm": "vllm-server",
    "djl-lmi": "djl-lmi",
}
"""The SDK's name of each engine's images."""

DISTRIBUTION = "sagemaker-core"
INSTALL = "pip install --no-deps -r requirements/sagemaker-images.txt"

_FOLDER = "sagemaker/core/image_uri_config"
_GPU = "gpu"
_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}
_REGION = r"[a-z]{2,4}(-[a-z]+)+-[0-9]+"
_ECR = rf"[0-9]{{12}}\.dkr\.ecr(-fips)?\.({_REGION})\.[a-z0-9.-]+/.+"
_PLACEHOLDER = "{region}"


class ImageUnknown(PackagingError):
    """There is no known container image for an engine in a region.

    Remedy: state `engine.image` for the model.
    """

    def __init__(self, model: str, engine: str, region: str, reason: str) -> None:
        super().__init__(
            f"model '{model}': no image of {engine} for {region}: {reason}, "
            f"or give models.{model}.engine.image"
        )
        self.model, self.engine, self.region, self.reason = model, engine, region, reason


def images(spec: ModelSpec, engine: EngineName, regions: Iterable[str]) -> dict[str, str]:
    """Return the image that serves a model, for each region.

    A custom image is used as it is, with the region in place of `{region}`. SageMaker pulls from
    the registry of its own region, so the image of one region does not work in another.

    Raises:
        ImageUnknown: a region has none, or the SDK's tables are not installed.
    """
    own = spec.engine.image if spec.engine else None
    find = _own if own else _published
    return {region: find(spec, engine, region) for region in regions}


def _own(spec: ModelSpec, engine: EngineName, region: str) -> str:
    assert spec.engine is not None
    image = str(spec.engine.image).replace(_PLACEHOLDER, region)
    found = re.fullmatch(_ECR, image)
    if found and found[2] != region:
        reason = f"{image} is in {found[2]}; write {_PLACEHOLDER} in place of the region"
        raise ImageUnknown(spec.name, engine, region, reason)
    return image


def _published(spec: ModelSpec, engine: EngineName, region: str) -> str:
    if not re.fullmatch(_REGION, region):
        raise ImageUnknown(spec.name, engine, region, "it is not the name of a region; correct it")
    try:
        table = _table(engine)
        latest = table["versions"][max(table["versions"], key=_order)]
        account = latest["registries"].get(region)
        place = f"{latest['repository']}:{_tag(latest)}"
    except PackageNotFoundError as error:
        reason = f"SageMaker's tables of images are not installed; {INSTALL}"
        raise ImageUnknown(spec.name, engine, region, reason) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{DISTRIBUTION} has an unexpected table ({error!r}); {INSTALL}"
        raise ImageUnknown(spec.name, engine, region, reason) from error
    if account is None:
        raise ImageUnknown(spec.name, engine, region, "AWS publishes none there; use another")
    return f"{account}.dkr.ecr.{region}.{_suffix(region)}/{place}"


def _table(engine: EngineName) -> Any:
    """Read the SDK's table of an engine's images."""
    file = distribution(DISTRIBUTION).locate_file(f"{_FOLDER}/{TABLES[engine]}.json")
    return json.loads(Path(str(file)).read_bytes())


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _tag(version: Mapping[str, Any]) -> str:
    """Return the tag as the SDK composes it for a GPU: a prefix, and the build's platform."""
    built_for = version.get("container_version", {}).get(_GPU)
    return "-".join(part for part in (version["tag_prefix"], built_for) if part)


def _suffix(region: str) -> str:
    """Return the DNS suffix of the partition of a region."""
    found = (suffix for prefix, suffix in _SUFFIXES.items() if region.startswith(prefix))
    return next(found, "amazonaws.com")
