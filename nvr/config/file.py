"""nvr.toml as frozen models, and its errors as one clear sentence each.

Unknown keys are errors: a typing mistake must not silently leave a siren unarmed. There is no key that runs a
command. Passwords are `SecretStr` and appear in no repr, log or API answer.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from nvr.config.addresses import ServiceUrl, StreamUrl
from nvr.config.alarm import AlarmSettings
from nvr.config.days import ClassDays, check_days, days_of_classes
from nvr.config.model import Model, Name
from nvr.config.notify import NotifyTargets, with_absolute_paths
from nvr.config.restream import Restream
from nvr.config.schedule import Coordinates, Schedule, check_sun
from nvr.config.siren import Siren
from nvr.config.speaker import Speaker
from nvr.config.words import as_config_error
from nvr.config.zones import MAX_PLACES, Line, Mask, Place, Zone, check_names
from nvr.errors import ConfigError
from nvr.events import Response, Role, StreamKey
from nvr.stream_address import parse_address


def _known_timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("no such time zone; for example Asia/Ho_Chi_Minh")
    return name


Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
KeepDays = Annotated[float, Field(gt=0.0, le=3650.0)]
LeastDays = Annotated[float, Field(ge=0.0, le=3650.0)]


class Site(Model):
    """The place this appliance watches. `latitude`, `longitude`: in degrees, north and east positive; only a schedule
    that goes by the sun needs them."""

    name: Name = "NVR"
    timezone: Annotated[str, AfterValidator(_known_timezone)] = "Asia/Ho_Chi_Minh"
    language: Literal["vi", "en"] = "vi"
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None

    @model_validator(mode="after")
    def _is_a_place(self) -> Site:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("`latitude` and `longitude` go together; add the other one")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def coordinates(self) -> Coordinates | None:
        """None: nobody said where it is."""
        if self.latitude is None or self.longitude is None:
            return None
        return Coordinates(self.latitude, self.longitude)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | Path) else value


class Storage(Model):
    """`recordings`: footage, its index and incident pictures, on the large disk, or one directory on each of several.
    `state`: accounts, alarm state, keys, on the system's disk. The oldest footage is deleted so that at most `max_gb`
    is used and at least `keep_free_gb` stays free (1 GB = 10^9 bytes), and footage older than `max_days` in any case.
    `motion_days_…`, `person_days_…`: as the keys of the same names of cameras, for those that do not have them.
    Footage that is held (for a case) is never deleted; it may take `hold_percent` of the disk. These sizes are for each
    disk."""

    recordings: Annotated[tuple[Path, ...], BeforeValidator(_as_list), Field(min_length=1, max_length=16)]
    state: Path
    max_gb: Annotated[float, Field(gt=0)] | None = None
    keep_free_gb: Annotated[float, Field(ge=0.1)] = 2.0
    max_days: KeepDays | None = None
    motion_days_min: LeastDays | None = None
    motion_days_max: KeepDays | None = None
    person_days_min: LeastDays | None = None
    person_days_max: KeepDays | None = None
    hold_percent: Annotated[float, Field(ge=1.0, le=90.0)] = 25.0

    @field_validator("recordings")
    @classmethod
    def _recordings_differ(cls, recordings: tuple[Path, ...]) -> tuple[Path, ...]:
        found = [os.path.normpath(path) for path in recordings]
        for path in found:
            if found.count(path) > 1:
                raise ValueError(f'the directory "{path}" is there twice; each must be on a disk of its own')
        return recordings


class Web(Model):
    """`names`: further DNS names or IP addresses under which the page is opened (they go into its certificate).
    `live_port`: the UDP port of live video; 0 takes any free one. `max_viewers`: live pictures that are shown at once,
    and `max_viewers_per_account` of them to one account, on all its devices together."""

    host: str = "0.0.0.0"
    https_port: Annotated[int, Field(ge=1, le=65535)] = 8443
    http_port: Annotated[int, Field(ge=1, le=65535)] = 8080
    names: tuple[str, ...] = ()
    max_viewers: Annotated[int, Field(ge=1, le=200)] = 32
    max_viewers_per_account: Annotated[int, Field(ge=1, le=200)] = 24
    live_port: Annotated[int, Field(ge=0, le=65535)] = 8555


class Analysis(Model):
    """`fps`: frames a second that are examined on each camera, at least. `cpu_percent`: of one core, for cameras whose
    zones can neither call nor sound now; those that can are always examined. `model`: another .tflite file than the
    shipped. The siren sounds falsely at most once in `false_siren_nights` nights at this site, and somebody clearly in
    view is noticed within `notice_within_s` (`nvr.detect.steps.calibration` says what that takes)."""

    enabled: bool = True
    fps: Annotated[float, Field(ge=1, le=15)] = 6.0
    cpu_percent: Annotated[float, Field(ge=5, le=100)] = 60.0
    false_siren_nights: Annotated[float, Field(ge=1, le=100_000)] = 100.0
    notice_within_s: Annotated[float, Field(gt=0, le=60)] = 2.0
    model: Path | None = None


class Camera(Model):
    """One camera. `id` names it in file names and addresses and must not change; `name` is for people.
    `main`, `sub`: addresses as in nvr/stream_address.py.

    `keep_days_min`: its footage goes before that only where the disk has no room for it otherwise; `keep_days_max`: in
    place of storage's `max_days`. `motion_days_min`, `motion_days_max`, `person_days_min`, `person_days_max`: the same
    for footage in which something moved, and for that of incidents (a person, or what else its zones look for); unset:
    as in storage, else as the class below. `max_gb`: what its footage takes at most on each disk. `transport`: how its
    video comes; "udp" only where a camera cannot send it in the RTSP connection. `audio`: record sound too; else it is
    not even asked for. `onvif`: the address of its device service, which is asked for a keyframe when a viewer waits
    for one; unset: never.
    """

    id: Slug
    name: Name
    main: StreamUrl
    sub: StreamUrl | None = None
    username: str = ""
    password: SecretStr = SecretStr("")
    keep_days_min: LeastDays = 0.0
    keep_days_max: KeepDays | None = None
    motion_days_min: LeastDays | None = None
    motion_days_max: KeepDays | None = None
    person_days_min: LeastDays | None = None
    person_days_max: KeepDays | None = None
    max_gb: Annotated[float, Field(ge=0.1)] | None = None
    transport: Literal["tcp", "udp"] = "tcp"
    audio: bool = False
    onvif: ServiceUrl | None = None
    zone: Annotated[tuple[Zone, ...], Field(max_length=MAX_PLACES)] = (Zone(name="*"),)
    line: Annotated[tuple[Line, ...], Field(max_length=MAX_PLACES)] = ()
    mask: Annotated[tuple[Mask, ...], Field(max_length=MAX_PLACES)] = ()

    @model_validator(mode="before")
    @classmethod
    def _lines_alone_are_enough(cls, tree: object) -> object:
        """Where somebody drew a line, the whole picture is no zone unless they say so too."""
        return {"zone": (), **tree} if isinstance(tree, dict) and tree.get("line") else tree

    @model_validator(mode="after")
    def _places_differ(self) -> Camera:
        check_names(self.places)
        return self

    @model_validator(mode="after")
    def _audio_can_be_had(self) -> Camera:
        if self.audio and any(parse_address(url).scheme != "rtsp" for url in (self.main, self.sub) if url):
            raise ValueError("audio is recorded from rtsp:// addresses only; remove `audio`")
        return self

    def url(self, role: Role) -> str | None:
        """Address of the stream, without user and password; None where the camera has no such stream."""
        return self.main if role is Role.MAIN else self.sub

    @property
    def streams(self) -> list[StreamKey]:
        return [StreamKey(self.id, role) for role in Role if self.url(role)]

    @property
    def places(self) -> tuple[Place, ...]:
        """Its zones, then its lines: what a sighting can be about."""
        return (*self.zone, *self.line)

    @property
    def analysed(self) -> StreamKey:
        """The stream that the detector looks at: the sub stream where there is one."""
        return StreamKey(self.id, Role.SUB if self.sub else Role.MAIN)


class Config(Model):
    """The whole of nvr.toml."""

    site: Site = Site()
    storage: Storage
    web: Web = Web()
    restream: Restream = Restream()
    analysis: Analysis = Analysis()
    alarm: AlarmSettings = AlarmSettings()
    siren: Siren | None = None
    speaker: Speaker | None = None
    schedule: Schedule | None = None
    notify: NotifyTargets = ()
    camera: tuple[Camera, ...] = ()

    @field_validator("camera")
    @classmethod
    def _cameras_differ(cls, cameras: tuple[Camera, ...]) -> tuple[Camera, ...]:
        for attribute in ("id", "name"):
            values = [getattr(c, attribute) for c in cameras]
            for value in values:
                if values.count(value) > 1:
                    raise ValueError(f'two cameras have the {attribute} "{value}"')
        return cameras

    @model_validator(mode="after")
    def _sirens_exist(self) -> Config:
        if self.siren is None:
            for camera in self.camera:
                for place in camera.places:
                    if place.response is Response.SIREN:
                        raise ValueError(
                            f'camera "{camera.id}", zone or line "{place.name}" answers with the siren, '
                            "but there is no [siren] section"
                        )
        return self

    @model_validator(mode="after")
    def _sun_can_be_found(self) -> Config:
        if self.schedule is not None:
            check_sun(self.schedule.changes, self.site.coordinates)
        return self

    @model_validator(mode="after")
    def _second_cameras_exist(self) -> Config:
        watching = [c for c in self.camera if any(p.response is not Response.RECORD for p in c.places)]
        for camera in self.camera:
            for place in camera.places:
                if place.confirm.cameras > len(watching):
                    raise ValueError(
                        f'camera "{camera.id}", zone or line "{place.name}" wants two cameras to confirm, '
                        "but no other has a zone that does more than record"
                    )
        return self

    @model_validator(mode="after")
    def _days_agree(self) -> Config:
        for camera in self.camera:
            check_days(camera.id, self.days_of(camera))
        return self

    def days_of(self, camera: Camera | None) -> tuple[ClassDays, ClassDays, ClassDays]:
        """How long footage of `camera` is kept (None: of one that is no longer configured): continuous, with motion,
        of incidents."""
        sections: list[Camera | Storage] = [self.storage] if camera is None else [camera, self.storage]
        most = (camera.keep_days_max if camera else None) or self.storage.max_days
        most_key = "keep_days_max" if camera and camera.keep_days_max else "max_days"
        least = camera.keep_days_min if camera else 0.0
        continuous = ClassDays(least, most, "keep_days_min", most_key)
        motion = [(section.motion_days_min, section.motion_days_max) for section in sections]
        person = [(section.person_days_min, section.person_days_max) for section in sections]
        return days_of_classes(continuous, motion, person)

    @property
    def siren_cameras(self) -> int:
        """How many cameras have a zone that answers with the siren."""
        return sum(any(zone.response is Response.SIREN for zone in c.zone) for c in self.camera)

    def find_camera(self, camera_id: str) -> Camera | None:
        return next((c for c in self.camera if c.id == camera_id), None)

    @property
    def streams(self) -> list[StreamKey]:
        return [key for camera in self.camera for key in camera.streams]


def load(file: Path) -> Config:
    """Read `file`. Relative paths in it are relative to its folder.

    Raises ConfigError: file missing or unreadable, no TOML, unknown key, wrong type or value. It is about the first
    problem; `others` has the rest.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        allowed = "a readable file; `--config FILE` names another"
        raise ConfigError(str(file), "", error.strerror or str(error), allowed) from None
    try:
        tree = tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise ConfigError(str(file), "", "not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(file), "", f"not TOML: {error}") from None
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        raise as_config_error(str(file), tree, error) from None
    return _with_absolute_paths(config, file.absolute().parent)


def _with_absolute_paths(config: Config, folder: Path) -> Config:
    storage, analysis, siren = config.storage, config.analysis, config.siren
    recordings, state = tuple(folder / path for path in storage.recordings), folder / storage.state
    changes: dict[str, object] = {
        "storage": storage.model_copy(update={"recordings": recordings, "state": state}),
        "notify": with_absolute_paths(config.notify, folder),
    }
    if analysis.model is not None:
        changes["analysis"] = analysis.model_copy(update={"model": folder / analysis.model})
    if siren is not None:
        changes["siren"] = siren.within(folder)
    if config.speaker is not None:
        changes["speaker"] = config.speaker.within(folder)
    return config.model_copy(update=changes)
