from pathlib import Path

import pytest

from lading.model_packaging.errors import ManifestError
from lading.model_packaging.manifest.located_yaml import MAX_BYTES, LocatedYaml


def read(folder: Path, text: str) -> LocatedYaml:
    path = folder / "models.yaml"
    path.write_text(text, encoding="utf-8")
    return LocatedYaml(path)


def refusal(folder: Path, text: str) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        read(folder, text)
    return caught.value


def test_every_value_knows_its_line(tmp_path: Path) -> None:
    document = read(tmp_path, "a:\n  b: 1\n  c:\n    - x\n    - y\n")
    assert document.value == {"a": {"b": 1, "c": ["x", "y"]}}
    lines = {
        keys: document.place(keys).line
        for keys in [(), ("a",), ("a", "b"), ("a", "c"), ("a", "c", 1)]
    }
    assert list(lines.values()) == [1, 1, 2, 3, 5]


def test_an_absent_value_is_placed_at_what_would_hold_it(tmp_path: Path) -> None:
    place = read(tmp_path, "a:\n  b:\n    c: 1\n").place(["a", "b", "z"])
    assert (place.line, place.key) == (2, "a.b.z")


def test_a_key_stated_twice_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, "a: 1\nb: 2\na: 3\n")
    assert (error.line, error.key) == (3, "a")
    assert "twice" in str(error)


def test_aliases_work_until_they_explode(tmp_path: Path) -> None:
    shared = read(tmp_path, "a: &x {k: 1}\nb: *x\nc:\n  <<: *x\n")
    assert shared.value == {"a": {"k": 1}, "b": {"k": 1}, "c": {"k": 1}}
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]" for n in range(1, 12))]
    assert "aliases" in str(refusal(tmp_path, "\n".join(lines)))


def test_an_alias_of_itself_is_refused(tmp_path: Path) -> None:
    assert "aliases" in str(refusal(tmp_path, "a: &a [*a]\n"))


def test_what_is_no_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, "a: 1\nb: [1, 2\n")
    assert error.line >= 2
    assert "is not YAML" in str(error)


def test_tags_that_would_build_objects_are_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, "a: 1\nb: !!python/object/apply:os.system [ls]\n")
    assert error.line == 2
    assert "is not plain YAML" in str(error)


@pytest.mark.parametrize(
    "text", ["[" * 50_000, "a: " + "[" * 5000 + "]" * 5000, "a: \x00\n", "? {}"]
)
def test_hostile_text_ends_in_one_clear_error(tmp_path: Path, text: str) -> None:
    assert "\n" not in str(refusal(tmp_path, text))


def test_a_file_that_is_missing_too_large_or_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    with pytest.raises(ManifestError, match=r"No such file.*; `lading init` writes a project"):
        LocatedYaml(path)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ManifestError, match=r"exceeds the limit|has more than"):
        LocatedYaml(path)
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(ManifestError, match="not UTF-8"):
        LocatedYaml(path)


def test_an_empty_file_is_an_empty_document(tmp_path: Path) -> None:
    assert read(tmp_path, "").value is None
