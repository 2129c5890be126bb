"""The end of a help page; what each command's own says is in ``test_help``."""

from bridge.cli.epilog import epilog


def test_examples_and_exit_codes_are_paragraphs_that_click_leaves_alone() -> None:
    text = epilog("cad-bridge run", "cad-bridge check", exits={0: "well", 130: "cut short"})

    assert text == (
        "\b\nExamples:\n  cad-bridge run\n  cad-bridge check\n\n\b\nExit codes:\n  0   well\n  130 cut short"
    )


def test_a_long_meaning_goes_on_below_its_beginning() -> None:
    lines = epilog("cad-bridge run", exits={0: "well " * 30}).splitlines()

    codes = lines[lines.index("Exit codes:") + 1 :]
    assert codes[0].startswith("  0   well")
    assert codes[1].startswith("      well")
    assert max(map(len, codes)) < 77
    assert "Example:" in lines
