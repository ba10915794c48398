"""Who may do what: roles, accounts, and the rule that every route carries. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Ability(Enum):
    """What a route may ask of whoever calls it; the page knows them by these words."""

    OWN = "own"
    """One's own log-ins and password: everybody, also who must change the password first."""
    CAMERAS = "cameras"
    """Which cameras there are, of those that one may see."""
    LIVE = "live"
    """Pictures of now."""
    SITE = "site"
    """What happens here: alarm, schedule, faults, incidents with their pictures."""
    PLAYBACK = "playback"
    """Recorded footage."""
    HANDLE = "handle"
    """Acknowledge and resolve incidents."""
    GUARD = "guard"
    """Arm, disarm, siren, tests."""
    EVIDENCE = "evidence"
    """Hold footage, ask for packages and fetch them."""
    ADMINISTER = "administer"
    """Accounts, settings, approvals, the audit trail."""


class AccountRole(Enum):
    """What an account is; `abilities` is the only place that says what that allows."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"
    INVESTIGATOR = "investigator"

    @property
    def word(self) -> str:
        """As stored in state.db and spoken by the API."""
        return self.value

    @property
    def abilities(self) -> frozenset[Ability]:
        return _ABILITIES[self]

    @classmethod
    def from_word(cls, word: str) -> AccountRole:
        """Raises ValueError for any other word."""
        try:
            return cls(word)
        except ValueError:
            raise ValueError(f"no role {word!r}") from None


_A = Ability
_EVERYBODY = frozenset({_A.OWN, _A.CAMERAS})
_VIEWER = _EVERYBODY | {_A.LIVE, _A.SITE, _A.PLAYBACK}
_ABILITIES = {
    AccountRole.VIEWER: _VIEWER,
    AccountRole.OPERATOR: _VIEWER | {_A.HANDLE, _A.GUARD, _A.EVIDENCE},
    AccountRole.ADMINISTRATOR: _VIEWER | {_A.HANDLE, _A.GUARD, _A.EVIDENCE, _A.ADMINISTER},
    # Works on what happened: no watching of who passes now, and nothing that a duty room must know of.
    AccountRole.INVESTIGATOR: _EVERYBODY | {_A.SITE, _A.PLAYBACK, _A.EVIDENCE},
}


@dataclass(frozen=True, slots=True)
class Account:
    """One account; `cameras` None means all cameras, present and future. `must_change`: somebody else knows its
    password, so nothing but changing it is open. `disabled`: nobody can log in."""

    id: int
    name: str
    role: AccountRole
    cameras: frozenset[str] | None = None
    must_change: bool = False
    disabled: bool = False

    def may_see(self, camera: str) -> bool:
        """Whether this account may know of the camera with that id."""
        return self.cameras is None or camera in self.cameras

    def may(self, ability: Ability) -> bool:
        """Whether this account may do what needs `ability`."""
        return ability is Ability.OWN if self.must_change else ability in self.role.abilities

    def sees_all_of(self, other: Account) -> bool:
        """Whether it may see every camera that `other` may."""
        return self.cameras is None or (other.cameras is not None and other.cameras <= self.cameras)


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in. `key` identifies it and is no secret: the hexadecimal SHA-256 of the cookie's token."""

    key: str
    account: Account
    csrf_token: str
    expires_wall_s: float

    def __repr__(self) -> str:
        return f"Session({self.key[:8]}…, {self.account.name!r})"


class Subject(Enum):
    """Which camera a request is about, besides the caller's role."""

    NONE = auto()
    CAMERA = auto()  # the path's {camera}
    CAMERA_IF_ASKED = auto()  # the query's `camera`, where it is given
    CAMERAS_IF_ASKED = (
        auto()
    )  # all of the query's `cameras`, separated by commas; all that one may see without it
    INCIDENT = auto()  # the camera of the path's {incident}


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of one route: anybody (`needs` None), or accounts with that ability that may see the camera or cameras
    which `subject` names. With `live_token` also who holds a live token of such an account: for its camera
    where the subject is one, else for what was begun with it. With `platform` not for people at all: who has a platform
    account (`nvr.restream.accounts`), as the handler finds by the protocol's own signatures; no session, cookie or
    token counts there, and while there is no such account nothing is there."""

    needs: Ability | None
    subject: Subject = Subject.NONE
    live_token: bool = False
    platform: bool = False

    def __post_init__(self) -> None:
        if self.needs is None and self.subject is not Subject.NONE:
            raise ValueError("what is about a camera cannot be open to anybody")
        if self.live_token and (self.needs is None or self.subject not in (Subject.NONE, Subject.CAMERA)):
            raise ValueError("a live token is for one camera")
        if self.platform and self.needs is not None:
            raise ValueError("platforms have no role")


PUBLIC = Access(None)
PLATFORM = Access(None, platform=True)
