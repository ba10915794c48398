"""For all tests: hypothesis judges what comes out, never how long that took on the machine of the day."""

from hypothesis import HealthCheck, settings

settings.register_profile("village", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("village")
