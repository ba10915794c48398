"""Tells open pages that something changed. What changed they read anew, so nothing queues up but incidents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from nvr.alarm.incidents import Incident

MAX_INCIDENTS = 200
"""A page that is further behind misses the oldest changes; the list of incidents has them all."""


class Listener:
    """One open page's mailbox."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._incidents: dict[int, Incident] = {}

    def add(self, incident: Incident) -> None:
        """Remember the newest form of `incident` until it is taken."""
        self._incidents.pop(incident.id, None)
        self._incidents[incident.id] = incident
        if len(self._incidents) > MAX_INCIDENTS:
            del self._incidents[next(iter(self._incidents))]

    def take(self) -> list[Incident]:
        """The incidents that are new or changed since the last call, in the order of their changes."""
        incidents = list(self._incidents.values())
        self._incidents.clear()
        return incidents


class Changes:
    """Made first; app.py hands `notify` and `incident` to the parts as their listeners."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()

    def notify(self) -> None:
        """The alarm, a stream or a fault changed."""
        for listener in self._listeners:
            listener.changed.set()

    def incident(self, incident: Incident) -> None:
        """`incident` is new or changed."""
        for listener in self._listeners:
            listener.add(incident)
        self.notify()

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """A listener for the duration of the block."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
