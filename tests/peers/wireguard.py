"""Machines with WireGuard that are not ours: a hub and phones, set up by wg-quick from the texts that the appliance
gives."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

from nvr.tunnel.wg_conf import HUB_KEY_FILE
from peers.namespace import Namespace


class Keys(NamedTuple):
    private: str
    public: str


def new_keys() -> Keys:
    """As somebody makes them on a hub."""
    private = subprocess.run(["wg", "genkey"], capture_output=True, text=True, check=True).stdout.strip()
    told = subprocess.run(["wg", "pubkey"], input=private, capture_output=True, text=True, check=True)
    return Keys(private, told.stdout.strip())


def quick_up(machine: Namespace, name: str, text: str, folder: Path, *, key: str = "") -> None:
    """Bring up the interface `name` as `text` says; `key`: what lies in HUB_KEY_FILE there."""
    file = folder / f"{name}.conf"
    file.write_text(text, "utf-8")
    file.chmod(0o600)
    if key:
        # Only in the machine's own view of the files.
        folder = Path(HUB_KEY_FILE).parent
        script = f"mkdir -p {folder} && mount -t tmpfs tmpfs {folder} && cat > {HUB_KEY_FILE}"
        machine.run("sh", "-c", script, stdin=key)
    machine.run("wg-quick", "up", str(file))
