"""Whatever is changed in the audit trail's rows shows; what is cut off at the end shows with a head known elsewhere."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvr.audit_chain import GENESIS, Head, Row, check, row_hash

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
VALUES = st.tuples(st.floats(0, 1e11), TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)
FIELDS = ("wall_s", "actor", "address", "action", "subject", "detail")


def chained(values: list[tuple], previous: bytes = GENESIS, first: int = 1) -> list[Row]:
    rows = []
    for number, value in enumerate(values, first):
        previous = row_hash(previous, number, *value)
        rows.append(Row(number, *value, previous))
    return rows


CHAINS = st.lists(VALUES, min_size=1, max_size=12).map(chained)


def head_of(rows: list[Row], digits: int = 64) -> Head:
    return Head(rows[-1].id, rows[-1].hash.hex()[:digits])


@given(CHAINS, st.data())
def test_an_untouched_chain_is_whole_and_has_all_its_heads(rows, data):
    known = [head_of(rows[: data.draw(st.integers(1, len(rows)))], 16) for _ in range(2)]
    verdict = check(rows, known)
    assert (verdict.state, verdict.rows, verdict.head) == ("whole", len(rows), head_of(rows))


@given(CHAINS, st.data())
def test_a_changed_value_is_found_in_its_row(rows, data):
    place = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from(FIELDS))
    other = data.draw(st.floats(0, 1e11) if name == "wall_s" else TEXTS)
    changed = replace(rows[place], **{name: other})
    if repr(changed) == repr(rows[place]):  # not ==: 0.0 and -0.0 are told apart
        return
    verdict = check([*rows[:place], changed, *rows[place + 1 :]])
    assert (verdict.broken_row, verdict.rows) == (rows[place].id, place)


@given(CHAINS, st.data())
def test_a_row_that_is_gone_is_found_in_the_next(rows, data):
    if len(rows) < 2:
        return
    place = data.draw(st.integers(0, len(rows) - 2))
    assert check([*rows[:place], *rows[place + 1 :]]).broken_row == rows[place + 1].id


@given(CHAINS, VALUES, st.data())
def test_a_row_put_in_is_found(rows, values, data):
    """Even one that follows rightly from the row before: the next does not follow from it."""
    place = data.draw(st.integers(0, len(rows) - 1))
    before = rows[:place]
    previous = before[-1].hash if before else GENESIS
    number = rows[place].id
    put_in = Row(number, *values, row_hash(previous, number, *values))
    verdict = check([*before, put_in, *rows[place:]])
    assert verdict.state == "broken"


@given(CHAINS, st.data())
def test_rows_that_changed_places_are_found(rows, data):
    one = data.draw(st.integers(0, len(rows) - 1))
    other = data.draw(st.integers(0, len(rows) - 1))
    if one == other:
        return
    swapped = list(rows)
    swapped[one], swapped[other] = rows[other], rows[one]
    assert check(swapped).broken_row is not None
    # With the numbers put right again.
    renumbered = [replace(row, id=number) for number, row in enumerate(swapped, 1)]
    assert check(renumbered).broken_row == min(one, other) + 1


@given(CHAINS, st.data())
def test_a_cut_end_is_found_only_with_the_head(rows, data):
    left = rows[: data.draw(st.integers(0, len(rows) - 1))]
    assert check(left).state == "whole"
    verdict = check(left, [head_of(rows, 16)])
    assert (verdict.state, verdict.missing) == ("cut", head_of(rows, 16))


@given(CHAINS, st.data())
def test_a_chain_written_anew_is_found_only_with_the_head(rows, data):
    place = data.draw(st.integers(0, len(rows) - 1))
    values = [tuple(getattr(row, name) for name in FIELDS) for row in rows]
    before = rows[place - 1].hash if place else GENESIS
    other = ("X" + values[place][1], *values[place][2:])
    forged = [*rows[:place], *chained([(values[place][0], *other), *values[place + 1 :]], before, place + 1)]
    assert check(forged).state == "whole"
    assert check(forged, [head_of(rows)]).state == "cut"


@pytest.mark.parametrize(
    "odd", [{"wall_s": "x"}, {"detail": b"\xff"}, {"actor": "\udcff"}, {"hash": b""}, {"hash": None}]
)
def test_values_that_no_row_holds_are_no_crash(odd):
    rows = chained([(1.5, "a", "b", "c", "d", "{}")])
    assert check([replace(rows[0], **odd)]).broken_row == 1


def test_the_canonical_bytes_are_what_the_docstring_says():
    """Fixed for good: other software checks chains too."""
    digest = row_hash(GENESIS, 7, 1795523405.25, "Minh", "", "arm", 'cổng "1"\n', "{}")
    assert digest.hex() == "42a1126da6236d1b4a84a9f6eca79a2cdd32663fdd9c03f515c7b5a8f896bd5d"


def test_heads_are_read_from_paper():
    assert Head.parse(" 12 : 3F2A 9c1b 77d0 5e21") == Head(12, "3f2a9c1b77d05e21")
    for bad in ("", "12", "12:", "12:3f2a", "x:3f2a9c1b77d05e21", "12:" + "0" * 65):
        with pytest.raises(ValueError, match="head"):
            Head.parse(bad)
