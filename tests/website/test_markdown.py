from website.markdown import table, text


def test_a_text_has_no_markdown_but_its_code() -> None:
    assert text("a <b> *c* `<d> _e_`\n  f_g") == r"a &lt;b> \*c\* `<d> _e_` f\_g"


def test_a_pipe_stays_in_its_cell() -> None:
    assert table(["a"], [["x | y"]]) == "| a |\n| --- |\n| x \\| y |\n"
