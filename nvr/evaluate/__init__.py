"""Scores detection on labelled clips by the live code."""
