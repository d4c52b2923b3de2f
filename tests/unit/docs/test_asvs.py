"""docs/security/asvs.md is what its data says, and names no proof that is not there."""

import msgspec
import pytest

from tests.asvs_page import PAGE, Line, NoSuchProof, Table, page, table


def test_the_page_is_what_the_data_says():
    assert PAGE.read_text() == page(), "run `python -m tests.asvs_page`"


@pytest.mark.parametrize("proof", ["unit/docs/test_asvs.py::test_gone", "unit/docs/gone.py", "unit/docs"])
def test_a_proof_that_is_not_there_stops_the_page(proof):
    line = Line(chapter="V1", ids="1.1.1", level="1", asks="x", proof=[proof])

    with pytest.raises(NoSuchProof, match=r"no such file or test"):
        page(Table(line=[line], attack=[]))


def test_a_line_without_a_proof_says_what_is_missing():
    silent = Line(chapter="V1", ids="1.1.1", level="1", asks="x", proof=[])
    honest = msgspec.structs.replace(silent, missing="everything")

    with pytest.raises(NoSuchProof, match="neither"):
        page(Table(line=[silent], attack=[]))
    assert "**missing** | Missing: everything" in page(Table(line=[honest], attack=[]))


def test_no_requirement_stands_in_two_lines():
    ids = [one.strip() for line in table().line for one in line.ids.split(",")]

    assert len(table().line) > 100
    assert sorted(set(ids)) == sorted(ids)
