"""Who may do what: roles, accounts, and the rule that every route carries. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, auto


class AccountRole(IntEnum):
    """What an account may do; each role may do all that the lower ones may."""

    VIEWER = 1
    OPERATOR = 2
    ADMINISTRATOR = 3

    @property
    def word(self) -> str:
        """As stored in state.db and spoken by the API: "viewer", "operator", "administrator"."""
        return self.name.lower()

    @classmethod
    def from_word(cls, word: str) -> AccountRole:
        """Raises ValueError for any other word."""
        for role in cls:
            if role.word == word:
                return role
        raise ValueError(f"no role {word!r}")


@dataclass(frozen=True, slots=True)
class Account:
    """One account; `cameras` None means all cameras, present and future."""

    id: int
    name: str
    role: AccountRole
    cameras: frozenset[str] | None = None

    def may_see(self, camera: str) -> bool:
        """Whether this account may know of the camera with that id."""
        return self.cameras is None or camera in self.cameras


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
    """The rule of one route: anybody (`minimum` None), or accounts of at least `minimum` that may see the camera or
    cameras which `subject` names. With `live_token` also who holds a live token of such an account: for its camera
    where the subject is one, else for what was begun with it. With `platform` not for people at all: who has a platform
    account (`nvr.restream.accounts`), as the handler finds by the protocol's own signatures; no session, cookie or
    token counts there, and while there is no such account nothing is there."""

    minimum: AccountRole | None
    subject: Subject = Subject.NONE
    live_token: bool = False
    platform: bool = False

    def __post_init__(self) -> None:
        if self.minimum is None and self.subject is not Subject.NONE:
            raise ValueError("what is about a camera cannot be open to anybody")
        if self.live_token and (self.minimum is None or self.subject not in (Subject.NONE, Subject.CAMERA)):
            raise ValueError("a live token is for one camera")
        if self.platform and self.minimum is not None:
            raise ValueError("platforms have no role")


PUBLIC = Access(None)
PLATFORM = Access(None, platform=True)
