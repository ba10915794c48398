"""Footage handed over as evidence: the package, its signature, and checking both (README.md)."""
