"""No stage of packaging converts, asks or measures the same bytes again."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lading.functions.inference.models.session import OnnxSession
from lading.functions.inference.tensors.conversion import Array
from lading.model_packaging.building import build_here
from lading.model_packaging.check.answers import digest
from lading.model_packaging.check.probes import Request
from lading.model_packaging.conversion import Conversion, Converter
from lading.model_packaging.manifest.models import ModelSpec
from lading.model_packaging.manifest.options import QuantizeSpec, Scheme
from lading.model_packaging.resolution import ConversionJob, resolve
from lading.model_packaging.stages import ignore_stages
from tests.model_packaging.models import wide_spec


class Counts:
    """Counts what packaging does: conversions, graphs opened, and requests to each model."""

    def __init__(self, converter: Converter) -> None:
        self.converted, self.opened = 0, Counter[bytes]()
        self.requests = Counter[tuple[bytes, bytes]]()
        self._converter = converter

    def convert(self, spec: ModelSpec) -> Conversion:
        self.converted += 1
        conversion = self._converter.convert(spec)

        def reference(request: Request) -> Request:
            self.requests[b"the original", digest(request)] += 1
            return conversion.reference(request)

        known: dict[bytes, OnnxSession] = {}

        def opened(model: bytes) -> OnnxSession:
            if model not in known:
                known[model] = self._session(model)
            return known[model]

        return replace(conversion, reference=reference, open=opened)

    def _session(self, model: bytes) -> OnnxSession:
        self.opened[model] += 1
        counts = self

        class Counted(OnnxSession):
            def run(self, inputs: dict[str, Array], outputs: Sequence[str] = ()) -> Request:
                counts.requests[model, digest(inputs)] += 1
                return super().run(inputs, outputs)

        return Counted(model)


@pytest.mark.parametrize("scheme", ["none", "dynamic", "auto"])
def test_each_model_answers_each_request_once(tmp_path: Path, scheme: Scheme) -> None:
    spec = wide_spec(tmp_path, quantize=QuantizeSpec(scheme))
    job, _ = resolve(spec, ())
    assert isinstance(job, ConversionJob)
    counts = Counts(job.converter)
    counting = replace(job, converter=replace(job.converter, convert=counts.convert))
    build_here(counting, "sha256:0", ignore_stages, tmp_path / "failure.txt")
    assert counts.converted == 1
    assert len(counts.opened) >= (1 if scheme == "none" else 2)
    assert counts.requests
    repeated = {asked: count for asked, count in counts.requests.items() if count > 1}
    assert not repeated
