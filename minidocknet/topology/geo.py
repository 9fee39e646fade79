"""Propagation delay over the earth's surface."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

EARTH_RADIUS_KM = 6371.0
# Two thirds of the speed of light, in glass: about 5 us per km.
FIBRE_KM_PER_MS = 299_792.458 * 2 / 3 / 1000


def fibre_delay_ms(distance_km: float) -> float:
    """One-way delay over ``distance_km`` of fibre, in ms, to the microsecond."""
    return round(distance_km / FIBRE_KM_PER_MS, 3)


def great_circle_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Distance between two (latitude, longitude) points in degrees, by the haversine formula."""
    lat_a, lat_b = radians(a[0]), radians(b[0])
    half_lat, half_lon = (lat_b - lat_a) / 2, radians(b[1] - a[1]) / 2
    h = sin(half_lat) ** 2 + cos(lat_a) * cos(lat_b) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(h)))
