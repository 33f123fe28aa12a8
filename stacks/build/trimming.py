"""What of a wheel goes into the runtime layer.

The tables are part of the layer's hash: a change to them is a new layer. The tests hold each entry
against the real wheels, so that none outlives its reason.
"""

import struct
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

UNUSED_DISTRIBUTIONS: Mapping[str, str] = MappingProxyType(
    {
        "flatbuffers": "onnxruntime's converter to its own format",
        "packaging": "onnxruntime's tools and its device checks",
        "protobuf": "onnxruntime's quantization and tools; a session reads models in C++",
    }
)
"""Required by what we use, and imported by nothing that the service reaches."""

_OTHER_UTILITIES = tuple(
    f"aws_lambda_powertools/utilities/{name}/"
    for name in (
        *("auth_alpha", "batch", "circuit_breaker", "data_classes", "data_masking"),
        *("feature_flags", "idempotency", "kafka", "metadata", "parameters", "parser"),
        *("streaming", "validation"),
    )
)

UNUSED_PATHS: Mapping[str, str] = MappingProxyType(
    {
        "onnxruntime/backend/": "an adapter to onnx's own test suite",
        "onnxruntime/capi/libonnxruntime.so.": "the engine again, for programs in C; the Python "
        "module has it inside",
        "onnxruntime/datasets/": "models for its tests",
        "onnxruntime/quantization/": "packaging quantizes, the service does not",
        "onnxruntime/tools/": "for a workstation",
        "onnxruntime/transformers/": "for a workstation",
        "numpy/_core/_multiarray_tests.": "C for its tests",
        "numpy/_core/_operand_flag_tests.": "C for its tests",
        "numpy/_core/_rational_tests.": "C for its tests",
        "numpy/_core/_simd.": "C for its tests",
        "numpy/_core/_struct_ufunc_tests.": "C for its tests",
        "numpy/_core/_umath_tests.": "C for its tests",
        "numpy/conftest.py": "for its tests",
        "numpy/f2py/": "a compiler of Fortran",
        "aws_lambda_powertools/event_handler/": "a web framework of its own",
        "aws_lambda_powertools/middleware_factory/": "decorators that we do not use",
        **dict.fromkeys(_OTHER_UTILITIES, "not logs or metrics"),
        "PIL/_avif.": "a decoder that no step asks for",
        "PIL/_imagingcms.": "color profiles",
        "PIL/_imagingft.": "text in images",
        "PIL/_imagingtk.": "windows",
        "PIL/_webp.": "a decoder that no step asks for",
        "pillow.libs/libavif-": "for PIL/_avif",
        "pillow.libs/libbrotli": "for fonts",
        "pillow.libs/libfreetype-": "for PIL/_imagingft",
        "pillow.libs/libharfbuzz-": "for PIL/_imagingft",
        "pillow.libs/liblcms2-": "for PIL/_imagingcms",
        "pillow.libs/libpng16-": "for fonts; Pillow reads PNG itself",
        "pillow.libs/libsharpyuv-": "for PIL/_webp",
        "pillow.libs/libwebp": "for PIL/_webp",
        "simdjson/": "the C++ source, and a façade over the module that we import directly",
    }
)
"""Beginnings of paths, each with what stands there."""

UNUSED_FOLDERS = frozenset({"__pycache__", "_pyinstaller", "docs", "include", "test", "tests"})
"""Names of folders that are left out wherever they stand."""

UNUSED_SUFFIXES = frozenset(
    {
        *(".a", ".c", ".cc", ".cpp", ".h", ".hpp", ".pxd", ".pyx"),
        *(".build", ".md", ".pc", ".pyi", ".rst", ".txt", ".typed"),
    }
)
"""What a compiler, a type checker or a reader wants, and a running program does not."""

_METADATA = frozenset({"METADATA", "entry_points.txt"})


def is_kept(path: PurePosixPath) -> bool:
    """Whether the file at `path`, as installed, goes into the layer."""
    if path.parts[0].endswith(".dist-info"):
        return path.name in _METADATA and path.parent.name == path.parts[0]
    return not (
        path.suffix in UNUSED_SUFFIXES
        or path.name == "LICENSE"
        or UNUSED_FOLDERS.intersection(path.parts[:-1])
        or str(path).startswith(tuple(UNUSED_PATHS))
    )


def trimmed(path: PurePosixPath, content: bytes) -> bytes:
    """What is kept of a file that is kept."""
    if path.name == "METADATA":
        return _metadata_fields(content)
    return _loaded_part(content)


def _metadata_fields(content: bytes) -> bytes:
    """Metadata without its description, which is the project's README."""
    fields, _, _ = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    return fields + b"\n"


_ELF_64_LITTLE = b"\x7fELF\x02\x01"
_PROGRAM_HEADER_TABLE = struct.Struct("<32xQ14xHH")
_SEGMENT = struct.Struct("<8xQ16xQ")
_SECTION_TABLE_OFFSET, _SECTION_COUNTS = slice(40, 48), slice(58, 64)


def _loaded_part(content: bytes) -> bytes:
    """A shared library as far as a loader reads it: without debug information behind its segments.

    The segments stay as they are, byte for byte; only the table of sections, which loaders do
    not read, is gone. So it needs no `strip` that knows the target, and its result is the same
    everywhere.
    """
    if not content.startswith(_ELF_64_LITTLE):
        return content
    table, size, count = _PROGRAM_HEADER_TABLE.unpack_from(content)
    ends = [table + size * count]
    for index in range(count):
        offset, length = _SEGMENT.unpack_from(content, table + size * index)
        ends.append(offset + length)
    kept = bytearray(content[: max(ends)])
    kept[_SECTION_TABLE_OFFSET] = bytes(8)
    kept[_SECTION_COUNTS] = bytes(6)
    return bytes(kept)
