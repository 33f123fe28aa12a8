from lading.stacks.plan.left_out import LEFT_OUT, NOT_ENFORCED


def test_what_is_left_out_is_not_also_in_the_templates_without_effect() -> None:
    assert not LEFT_OUT.keys() & NOT_ENFORCED.keys()
