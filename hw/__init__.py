"""Relay hardware of the siren: boards, the guard process that alone owns them, simulated boards.

Imports nothing of `nvr`. The service talks to it only through `hw.guard_client`; see `hw/README.md`.
"""
