"""Puts the notifications together from nvr.toml."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from nvr.alarm.incidents import Incident, IncidentStore
from nvr.alarm.notices import SITE
from nvr.alarm.notify.message import Site
from nvr.alarm.notify.notifier import Notifier
from nvr.alarm.notify.outbox import Outbox
from nvr.alarm.notify.policy import Rule
from nvr.alarm.notify.push import PushSender, VapidKey
from nvr.alarm.notify.sender import Sender
from nvr.alarm.notify.subscriptions import Subscriptions
from nvr.alarm.notify.webhook import WebhookSender
from nvr.alarm.view import AlarmView
from nvr.audit_chain import Head
from nvr.clock import Clock
from nvr.config import Config
from nvr.config.notify import PushTarget, WebhookTarget
from nvr.faults import FaultBoard
from nvr.store import Database

Job = Callable[[Callable[[], None]], Awaitable[None]]


class Notifications:
    """Everything that tells people outside of the page; nothing runs before `jobs` do.

    `words`: of the site's language. `alarm_state`: what MQTT retains. `on_change`, `audit_head`: see Notifier.
    """

    def __init__(
        self,
        config: Config,
        state: Database,
        *,
        words: Mapping[str, str],
        clock: Clock,
        faults: FaultBoard,
        alarm_state: Callable[[], Mapping[str, object]],
        on_change: Callable[[Incident], None],
        audit_head: Callable[[], Awaitable[Head | None]],
    ):
        self.targets = config.notify
        self.outbox = Outbox(state)
        self.subscriptions = Subscriptions(state)
        self.vapid_key = VapidKey(config.storage.state)
        self._links: list[tuple[str, Job]] = []
        self._told: list[Callable[[], None]] = []
        senders: dict[str, Sender] = {}
        for target in config.notify:
            if isinstance(target, WebhookTarget):
                senders[target.name] = WebhookSender(target, clock)
            elif isinstance(target, PushTarget):
                senders[target.name] = PushSender(target, self.vapid_key, self.subscriptions, clock)
            else:
                from nvr.alarm.notify.mqtt import MqttSender  # its library takes memory for years

                mqtt = MqttSender(target, alarm_state)
                senders[target.name] = mqtt
                self._links.append((f"notify:{target.name}", mqtt.run))
                self._told.append(mqtt.changed)
        self.notifier = Notifier(
            {t.name: Rule(t.name, t.after_seconds, frozenset(t.responses)) for t in config.notify},
            senders,
            outbox=self.outbox,
            incidents=IncidentStore(state),
            site=_site(config, words),
            clock=clock,
            faults=faults,
            on_change=on_change,
            audit_head=audit_head,
        )

    @property
    def push(self) -> PushTarget | None:
        """The first target of kind "push": what phones subscribe to."""
        return next((target for target in self.targets if isinstance(target, PushTarget)), None)

    def jobs(self) -> list[tuple[str, Job]]:
        """(place on the fault board, job); none where nvr.toml has no [[notify]]."""
        return [("notify", self.notifier.run), *self._links] if self.targets else []

    def alarm_changed(self) -> None:
        """The alarm's state may have changed; never waits."""
        for tell in self._told:
            tell()


def mqtt_state(view: AlarmView) -> dict[str, object]:
    """What a broker retains of the alarm: nothing of a quiet test."""
    return {
        "armed": view.armed.armed,
        "since_s": view.armed.since_s,
        "siren": view.siren_wanted,
        "ringing": [number for number in view.ringing if number not in view.rehearsed],
    }


def _site(config: Config, words: Mapping[str, str]) -> Site:
    names = config.web.names
    return Site(
        config.site.name,
        config.site.zone,
        {SITE: config.site.name} | {camera.id: camera.name for camera in config.camera},
        words,
        f"https://{names[0]}:{config.web.https_port}/" if names else "",
    )
