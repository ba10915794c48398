"""What every relay board offers, and everything that can go wrong with one (pure).

RelayError                  base: names the port and what to do about it
├── PortError               the port cannot be opened
│   ├── PortMissing         no such device (unplugged, wrong name)
│   ├── PortAmbiguous       several devices answer to that identity
│   ├── PortDenied          no permission
│   ├── PortBusy            another process owns it
│   └── PortUnsuitable      exists, but is no serial port or refuses the line settings
├── LinkError               an open port fails: it is opened anew
│   ├── LinkDown            the device went away
│   └── WriteTimeout        the device takes no more bytes
└── BoardError              the port works, the board behind it does not: it is asked again
    ├── NoAnswer            silence
    ├── BadReply            bytes that are no reply (noise, wrong speed)
    ├── OtherBoard          a board of another address answered
    ├── Refused             the board refuses what it was asked for
    └── Differs             the board confirms, but its output reads otherwise
"""

from __future__ import annotations

from typing import ClassVar, Protocol


class RelayError(Exception):
    """Base of all relay errors. `port` is the device as configured; str() names port, cause and remedy.

    `kind` is the word for the kind of error on the guard's socket.
    """

    kind: ClassVar[str] = "relay"
    remedy: ClassVar[str] = "look at the relay board"

    def __init__(self, port: str, detail: str) -> None:
        super().__init__(f"relay port {port}: {detail}; {self.remedy}")
        self.port = port


class PortError(RelayError):
    """The port cannot be opened."""


class PortMissing(PortError):
    """The device node does not exist or has nothing behind it."""

    kind = "missing"
    remedy = "plug the relay board in, or correct the name of the port (nvr hw list)"


class PortAmbiguous(PortError):
    """More than one device has the configured identity; guessing could switch the wrong one."""

    kind = "ambiguous"
    remedy = "unplug all but one, or name the port by its place: a path of /dev/serial/by-path"


class PortDenied(PortError):
    """The operating system refuses access."""

    kind = "denied"
    remedy = "let this user open it (group dialout, or the udev rule of the appliance)"


class PortBusy(PortError):
    """Another process holds the port's exclusive lock."""

    kind = "busy"
    remedy = "stop the other program that uses it (fuser -v PORT), a second guard perhaps"


class PortUnsuitable(PortError):
    """The path exists but is no serial port, or it refuses the line settings."""

    kind = "unsuitable"
    remedy = "name a serial device, for example one of /dev/serial/by-id"


class LinkError(RelayError):
    """An open port failed; close it and open it anew."""


class LinkDown(LinkError):
    """The device behind an open port went away."""

    kind = "link_down"
    remedy = "check the board's USB plug and power"


class WriteTimeout(LinkError):
    """The device takes no more bytes. What was queued has been discarded."""

    kind = "write_timeout"
    remedy = "the board hangs: unplug it and plug it in again"


class BoardError(RelayError):
    """The port works, but what comes back from the board is not what it should be."""


class NoAnswer(BoardError):
    """Silence where a reply is due."""

    kind = "no_answer"
    remedy = "check the board's power, the wires A and B, and its address (nvr hw probe)"


class BadReply(BoardError):
    """Bytes came that are no reply."""

    kind = "bad_reply"
    remedy = "check the speed (nvr hw probe), the wires A and B, and what else talks on the line"


class OtherBoard(BoardError):
    """A reply with another board's address."""

    kind = "other_board"
    remedy = "correct the address in the configuration (nvr hw probe), or disconnect the other board"


class Refused(BoardError):
    """An exception reply: the board does not know the function, the output or the input."""

    kind = "refused"
    remedy = "set channel, inputs and `timed` to what the board has (its manual; nvr hw test)"


class Differs(BoardError):
    """Commands are confirmed, but the output reads otherwise."""

    kind = "differs"
    remedy = "replace the board if switching its power off and on does not help"


class Board(Protocol):
    """One output of one board and its inputs, as a conversation without I/O. Times: one monotonic clock, in s.

    Whoever owns the port calls `opened` on each new connection, hands over what arrives with `feed`, and writes what
    `next_write` returns until it returns None; `deadline_s` is when to ask again at the latest. The first write
    after `opened` is OFF, whatever is wanted: the board's state is unknown, and a stale "on" must not survive.
    """

    @property
    def fail_safe(self) -> bool:
        """True if the output ends by itself unless it is set anew; False if it latches."""
        ...

    @property
    def up(self) -> bool:
        """Whether the board took everything so far and, where it can, confirmed it."""
        ...

    @property
    def failure(self) -> BoardError | None:
        """Why it is not up, as far as the board itself is the cause."""
        ...

    @property
    def output(self) -> bool | None:
        """The real output as last read back; None while unknown, and for ever where the board cannot tell."""
        ...

    @property
    def input_levels(self) -> int | None:
        """Levels of all inputs as last read, bit 0 for input 1; None while unknown."""
        ...

    @property
    def input_sampled_s(self) -> float:
        """When `input_levels` was read."""
        ...

    def opened(self) -> None:
        """The port was opened: nothing is known of the board."""
        ...

    def feed(self, data: bytes, now_s: float) -> None:
        """These bytes arrived."""
        ...

    def next_write(self, on_until_s: float | None, now_s: float) -> bytes | None:
        """What to write now, if anything. `on_until_s`: until when the output shall be on; None: off."""
        ...

    def deadline_s(self) -> float:
        """When `next_write` must be called again at the latest, if nothing is fed and nothing else is wanted."""
        ...

    def off_again(self) -> None:
        """Write OFF before anything else, whatever was written before."""
        ...

    @property
    def is_off(self) -> bool:
        """Whether OFF is the last it took and, where it can, confirmed."""
        ...

    def sample_inputs_by(self, at_s: float) -> None:
        """Read the inputs at `at_s` at the latest (a debounce is about to end), if they are read at all."""
        ...
