"""Zones and lines against exact arithmetic, on a grid on which floating point is exact too."""

from __future__ import annotations

from hypothesis import assume, example, given
from hypothesis import strategies as st

from nvr.detect.steps.rules import Rules, WatchedLine
from nvr.detect.steps.zones import contains
from nvr.events import Box, Rule

Node = tuple[int, int]
GRID = 16
FAR = (1_000_003, 7)
"""A ray in this direction meets no node of the grid but the one where it begins."""

nodes = st.tuples(st.integers(0, GRID), st.integers(0, GRID))
polygons = st.lists(nodes, min_size=3, max_size=12)
few = st.lists(nodes, min_size=1, max_size=3)
degenerate = st.lists(st.integers(0, GRID).map(lambda n: (n, n)), min_size=3, max_size=8) | few.flatmap(
    lambda points: st.lists(st.sampled_from(points), min_size=3, max_size=8)
)
"""On one straight line; of the same few points again and again."""


def turn(a: Node, b: Node, c: Node) -> int:
    """Twice the area of the triangle, signed."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def is_between(a: Node, b: Node, p: Node) -> bool:
    low, high = sorted((a, b))
    return turn(a, b, p) == 0 and low <= p <= high


def truly_contains(polygon: list[Node], p: Node) -> bool:
    """By whole numbers: on an edge, or an odd number of edges across the ray to FAR."""
    edges = list(zip(polygon, [*polygon[1:], polygon[0]], strict=True))
    if any(is_between(a, b, p) for a, b in edges):
        return True
    end = (p[0] + FAR[0], p[1] + FAR[1])
    crossed = 0
    for a, b in edges:
        sides = turn(p, end, a) > 0, turn(p, end, b) > 0
        crossed += sides[0] != sides[1] and (turn(a, b, p) > 0) != (turn(a, b, end) > 0)
    return crossed % 2 == 1


def unit(node: Node) -> tuple[float, float]:
    return node[0] / GRID, node[1] / GRID


@given(polygons | degenerate, nodes)
@example([(0, 0), (16, 16), (16, 0), (0, 16)], (8, 8))
def test_a_zone_contains_what_it_contains(polygon: list[Node], point: Node) -> None:
    assert contains([unit(node) for node in polygon], unit(point)) == truly_contains(polygon, point)


@given(polygons | degenerate, nodes, nodes, st.sampled_from([1, 2, 4]))
def test_moved_and_enlarged_it_contains_the_same(
    polygon: list[Node], point: Node, by: Node, factor: int
) -> None:
    def image(node: Node) -> tuple[float, float]:
        return unit((factor * node[0] + by[0], factor * node[1] + by[1]))

    assert contains([image(node) for node in polygon], image(point)) == contains(
        [unit(node) for node in polygon], unit(point)
    )


@given(polygons | degenerate, nodes)
def test_mirrored_and_with_axes_swapped_it_contains_the_same(polygon: list[Node], point: Node) -> None:
    inside = contains([unit(node) for node in polygon], unit(point))
    mirrored = [unit((GRID - x, y)) for x, y in polygon]
    assert contains(mirrored, unit((GRID - point[0], point[1]))) == inside
    assert contains([unit((y, x)) for x, y in polygon], unit((point[1], point[0]))) == inside


def crossings(line: WatchedLine, path: list[tuple[float, float]]) -> list[Rule]:
    rules = Rules([], [line])
    return [
        counted.rule
        for index, (x, y) in enumerate(path)
        for counted in rules.observe(
            1, Box(x - 0.01, y - 0.02, x + 0.01, y), PERSON, float(index), confirmed=True, aspect=1.0
        )
    ]


PERSON = frozenset({"person"})
BAND = 0.02
"""More than the band of somebody 0.02 high."""
coordinates = st.floats(0, 1)
points = st.tuples(coordinates, coordinates)


@given(points, points, points, points)
def test_who_goes_straight_from_one_side_to_the_other_crosses_between_the_ends_and_only_there(
    start: tuple[float, float], end: tuple[float, float], a: tuple[float, float], b: tuple[float, float]
) -> None:
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
    assume(length > 0.05)
    across = ((end[0] - start[0]) / length, (end[1] - start[1]) / length)

    def place(p: tuple[float, float]) -> tuple[float, float]:
        """(along the line from its start, to its left hand; y points down)."""
        x, y = p[0] - start[0], p[1] - start[1]
        return x * across[0] + y * across[1], x * across[1] - y * across[0]

    (along_a, off_a), (along_b, off_b) = place(a), place(b)
    assume(min(abs(off_a), abs(off_b)) > BAND)
    found = crossings(WatchedLine(start, end, "both", frozenset({"person"})), [a, b])
    if off_a * off_b > 0:
        assert found == []
        return
    at = along_a + (along_b - along_a) * off_a / (off_a - off_b)
    assume(min(abs(at), abs(at - length)) > 1e-6)
    side = Rule.CROSS_LEFT if off_b > 0 else Rule.CROSS_RIGHT
    assert found == ([side] if 0 < at < length else [])


@given(points, st.lists(points, max_size=20))
def test_a_line_without_length_is_never_crossed(
    point: tuple[float, float], path: list[tuple[float, float]]
) -> None:
    assert crossings(WatchedLine(point, point, "both", frozenset({"person"})), path) == []
