from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from nvr.detect.steps.zones import contains, foot_point, raster
from nvr.events import Box

unit = st.floats(0, 1)
points = st.tuples(unit, unit)
eighths = st.integers(0, 8).map(lambda n: n / 8)
polygons = st.lists(points, min_size=3, max_size=32)

L_SHAPE = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.4), (0.4, 0.4), (0.4, 0.9), (0.1, 0.9)]
BOW_TIE = [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)]


def test_concave() -> None:
    assert contains(L_SHAPE, (0.2, 0.8))
    assert contains(L_SHAPE, (0.8, 0.2))
    assert not contains(L_SHAPE, (0.8, 0.8))


def test_crossing_itself() -> None:
    assert contains(BOW_TIE, (0.1, 0.5))
    assert contains(BOW_TIE, (0.9, 0.5))
    assert not contains(BOW_TIE, (0.5, 0.1))


def test_the_edge_belongs_to_the_zone() -> None:
    whole = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    for point in [(0.5, 1.0), (0.0, 0.0), (1.0, 1.0), (1.0, 0.3)]:
        assert contains(whole, point)


def test_foot_is_moved_into_the_picture() -> None:
    assert foot_point(Box(0.2, 0.1, 0.4, 1.03)) == (0.30000000000000004, 1.0)
    assert foot_point(Box(-0.3, -0.2, 0.1, -0.1)) == (0.0, 0.0)


@given(polygons, points)
def test_neither_winding_nor_first_corner_matters(
    polygon: list[tuple[float, float]], point: tuple[float, float]
) -> None:
    inside = contains(polygon, point)
    assert contains(polygon[::-1], point) == inside
    assert contains([*polygon[1:], polygon[0]], point) == inside
    assert contains([polygon[0], *polygon], point) == inside


@given(polygons)
def test_every_corner_belongs_to_the_zone(polygon: list[tuple[float, float]]) -> None:
    assert all(contains(polygon, corner) for corner in polygon)


@given(st.integers(3, 32), st.floats(0.05, 0.45), points)
def test_regular_polygon_lies_between_its_circles(
    corners: int, radius: float, point: tuple[float, float]
) -> None:
    angles = [2 * math.pi * index / corners for index in range(corners)]
    polygon = [(0.5 + radius * math.cos(a), 0.5 + radius * math.sin(a)) for a in angles]
    distance = math.hypot(point[0] - 0.5, point[1] - 0.5)
    if distance < radius * math.cos(math.pi / corners) - 1e-6:
        assert contains(polygon, point)
    if distance > radius + 1e-6:
        assert not contains(polygon, point)


@given(polygons, points)
def test_outside_the_bounds_is_outside(
    polygon: list[tuple[float, float]], point: tuple[float, float]
) -> None:
    xs, ys = zip(*polygon, strict=True)
    if not (min(xs) - 1e-6 <= point[0] <= max(xs) + 1e-6 and min(ys) - 1e-6 <= point[1] <= max(ys) + 1e-6):
        assert not contains(polygon, point)


@given(st.lists(st.lists(st.tuples(eighths, eighths), min_size=3, max_size=12), max_size=3))
def test_raster_is_where_the_polygons_contain_a_pixels_centre(
    polygons: list[list[tuple[float, float]]],
) -> None:
    """But for those on an edge."""
    found = raster(polygons, 15, 15)
    for row in range(15):
        for column in range(15):
            centre = ((column + 0.5) / 15, (row + 0.5) / 15)
            on_edge = any(
                contains([a, b, a], centre)
                for polygon in polygons
                for a, b in zip(polygon, [*polygon[1:], polygon[0]], strict=True)
            )
            if not on_edge:
                assert found[row, column] == any(contains(polygon, centre) for polygon in polygons)
