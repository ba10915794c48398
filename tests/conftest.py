"""For all tests: hypothesis judges what comes out, never how long that took on the machine of the day.

The same examples each time, so that a commit that passed passes again. `--hypothesis-profile explore` looks for others.
"""

from hypothesis import HealthCheck, settings

QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("village", QUIET, derandomize=True)
settings.register_profile("explore", QUIET)
settings.load_profile("village")
