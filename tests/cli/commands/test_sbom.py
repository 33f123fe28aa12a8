from tests.cli.conftest import Lading


def test_bills_of_the_layer_and_the_container_name_what_they_hold(lading: Lading) -> None:
    layer = {each["name"] for each in lading("sbom", "--layer").document["components"]}
    container = {each["name"] for each in lading("sbom", "--container").document["components"]}
    assert {"onnxruntime", "mangum"} <= layer
    assert {"cryptography", "grpcio", "pillow", "tokenizers"} <= container - layer


def test_exactly_one_subject_is_named(lading: Lading) -> None:
    for words in ((), ("digits", "--layer"), ("--layer", "--container")):
        result = lading("sbom", *words)
        assert result.code == 2
        assert "name a model, or --layer, or --container" in result.err
