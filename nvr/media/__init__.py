"""Encoded media as it travels through the appliance; see README.md."""
