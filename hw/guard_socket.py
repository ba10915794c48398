"""The guard's unix socket: one guard a path, only its own user and root admitted."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from pathlib import Path


class SocketOwned(Exception):
    """Another guard runs on this socket."""


class SocketUnusable(Exception):
    """The socket cannot be made."""


def listen(path: Path) -> socket.socket:
    """A non-blocking listening socket at `path`, mode 0600. A stale file of a dead guard is replaced.

    Ownership is the flock on `path`.lock, held until the process ends. Raises SocketOwned, SocketUnusable.
    """
    lock_path = path.with_name(path.name + ".lock")
    try:
        # Never closed or deleted: the lock lives as long as the process, and its file must keep its inode.
        lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SocketUnusable(
            f"{lock_path}: {error.strerror}; give --socket a directory this user can write to"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise SocketOwned(f"{path}: another guard runs on this socket; stop it or use it") from error
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        if path.is_socket():  # and never any other file, whatever --socket says
            path.unlink()
        listener.bind(str(path))
        listener.listen(8)
    except OSError as error:
        listener.close()
        os.close(lock)
        raise SocketUnusable(
            f"{path}: {error.strerror or error}; give --socket a short path (below 100 characters) "
            "in a directory this user can write to"
        ) from error
    finally:
        os.umask(mask)
    listener.setblocking(False)
    return listener


def peer_uid(sock: socket.socket) -> int:
    """User id of the process at the other end (SO_PEERCRED, unix(7))."""
    return _credentials(sock)[1]


def peer_pid(sock: socket.socket) -> int:
    """Process id of the other end, for a client that of the listener; 0 if it is of another pid namespace."""
    return _credentials(sock)[0]


def _credentials(sock: socket.socket) -> tuple[int, int, int]:
    """(pid, uid, gid)"""
    layout = struct.Struct("iII")
    pid, uid, gid = layout.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, layout.size))
    return int(pid), int(uid), int(gid)


def is_admitted(uid: int, own_uid: int) -> bool:
    """Only the guard's own user and root."""
    return uid in (own_uid, 0)
