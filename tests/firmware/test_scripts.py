"""The image's own scripts, run as they are, on folders that stand for the board's."""

from __future__ import annotations

import datetime
import os
import re
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from firmware.tree import TREE
from nvr.config import Config, load

ROOTFS = TREE / "board/common/rootfs"
LIBEXEC = ROOTFS / "usr/libexec/nvr"
TRYBOOT = TREE / "board/rpi5/rootfs/usr/libexec/nvr"


def run(script: Path, *arguments: object, expect: int = 0, **environment: object) -> str:
    """Its standard output."""
    variables = os.environ | {name: str(value) for name, value in environment.items()}
    words = [str(script), *map(str, arguments)]
    done = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == expect, done.stderr
    return done.stdout


def certificate() -> tuple[bytes, str]:
    """Key and certificate of an authority as PEM, as the service keeps them; SHA-256 as it is shown."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "NVR")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + made.public_bytes(serialization.Encoding.PEM), made.fingerprint(hashes.SHA256()).hex(
        ":"
    ).upper()


@pytest.mark.parametrize(
    ("serial", "address", "name"),
    [
        ("10000000DEADBEEF\0", "dc:a6:32:01:02:03\n", "nvr-adbeef"),
        ("", "dc:a6:32:01:02:03\n", "nvr-010203"),
        ("", "", "nvr"),
    ],
)
def test_the_host_name_comes_from_the_board(tmp_path: Path, serial: str, address: str, name: str) -> None:
    for folder in ("proc/device-tree", "proc/sys/kernel", "sys/class/net/eth0"):
        (tmp_path / folder).mkdir(parents=True)
    if serial:
        (tmp_path / "proc/device-tree/serial-number").write_text(serial)
    if address:
        (tmp_path / "sys/class/net/eth0/address").write_text(address)
    run(LIBEXEC / "host-name", tmp_path)
    assert (tmp_path / "proc/sys/kernel/hostname").read_text() == f"{name}\n"


def test_a_new_appliance_gets_a_configuration_that_it_takes_and_keeps(tmp_path: Path) -> None:
    run(LIBEXEC / "first-boot", ROOTFS / "usr/share/nvr/nvr.toml", tmp_path)
    config = load(tmp_path / "nvr.toml")
    assert config.storage.state == Path("/var/lib/nvr")
    assert [path.name for path in tmp_path.iterdir()] == ["nvr.toml"]
    (tmp_path / "nvr.toml").write_text("mine")
    run(LIBEXEC / "first-boot", ROOTFS / "usr/share/nvr/nvr.toml", tmp_path)
    assert (tmp_path / "nvr.toml").read_text() == "mine"


def test_recordings_go_to_marked_disks_alone() -> None:
    """The configuration names mount points, which lie on the read-only root, and each has a unit for its label."""
    for path in load(ROOTFS / "usr/share/nvr/nvr.toml").storage.recordings:
        unit = (ROOTFS / f"usr/lib/systemd/system/disks-{path.name}.mount").read_text()
        assert f"Where={path}\n" in unit
        assert f"What=/dev/disk/by-label/nvr-disk-{path.name}\n" in unit
    assert "/disks" not in (ROOTFS / "etc/fstab").read_text()


def test_the_firewall_admits_what_is_served_and_nothing_else() -> None:
    rules = (ROOTFS / "etc/nftables.conf").read_text()
    admitted = {
        (kind, int(port))
        for kind, ports in re.findall(r"(tcp|udp) dport ({[^}]+}|\d+)", rules)
        for port in re.findall(r"\d+", ports)
    }
    config = Config.model_validate({"storage": {"recordings": ["/disks/1"], "state": "/var/lib/nvr"}})
    served = {
        ("tcp", port) for port in (config.web.https_port, config.web.http_port, config.restream.rtsp_port)
    }
    local = {("udp", port) for port in (68, 546, 5353, 3702)}  # DHCP, DHCPv6, mDNS, WS-Discovery
    assert admitted == served | {("udp", config.web.live_port)} | local
    assert rules.count("policy drop") == 2


def test_claim_code_and_fingerprint_lie_on_the_boot_partition_until_the_appliance_is_claimed(
    tmp_path: Path,
) -> None:
    state, boot = tmp_path / "state", tmp_path / "boot"
    (state / "tls").mkdir(parents=True)
    boot.mkdir()
    pem, fingerprint = certificate()
    (state / "claim-code").write_text("1234-5678\n")
    (state / "tls/ca.pem").write_bytes(pem)
    run(LIBEXEC / "tell-claim", state, boot)
    told = (boot / "claim.txt").read_text()
    assert "claim code: 1234-5678\n" in told
    assert f"fingerprint (SHA-256): {fingerprint}\n" in told
    assert "PRIVATE" not in told
    os.utime(boot / "claim.txt", (1, 1))
    run(LIBEXEC / "tell-claim", state, boot)
    assert (boot / "claim.txt").stat().st_mtime == 1
    (state / "claim-code").unlink()
    run(LIBEXEC / "tell-claim", state, boot)
    assert not list(boot.iterdir())


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def page_port(tmp_path: Path) -> Iterator[int]:
    """Where an HTTPS server with a certificate of its own answers."""
    (tmp_path / "server.pem").write_bytes(certificate()[0])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_healthy_is_who_answers_and_records(tmp_path: Path, page_port: int) -> None:
    config, disk = tmp_path / "nvr.toml", tmp_path / "disk"
    day = disk / "footage/gate/main/2026-01-02"
    day.mkdir(parents=True)
    base = f'[storage]\nrecordings = "{disk}"\nstate = "s"\n'
    camera = '[[camera]]\nid = "gate"\nname = "Gate"\nmain = "rtsp://192.0.2.1/"\n'
    ask = (LIBEXEC / "health", "--config", config)
    config.write_text(base + f"[web]\nhttps_port = {page_port}\n")
    run(*ask)
    config.write_text(base + f"[web]\nhttps_port = {page_port}\n{camera}")
    run(*ask)  # the disk is not there: nothing can be recorded, with or without the update
    (disk / "nvr-disk.json").write_text("{}")
    run(*ask, expect=1)
    (day / "000000-000Z_1.mp4").write_bytes(b"")
    run(*ask)
    os.utime(day / "000000-000Z_1.mp4", (time.time() - 300,) * 2)
    run(*ask, "--wait-s", "0.3", expect=1)
    config.write_text(base + "[web]\nhttps_port = 1\n")
    run(*ask, expect=1)
    config.write_text("damaged")
    run(*ask, expect=1)


@pytest.mark.parametrize(
    ("healthy", "committed", "done"),
    [
        (True, "A", "mark-good,"),
        (True, "B", "mark-good,commit A,"),
        (False, "B", "mark-bad,reboot,"),
        (False, "A", ""),
    ],
)
def test_a_slot_is_judged_by_what_it_does(tmp_path: Path, healthy: bool, committed: str, done: str) -> None:
    """Slot A runs."""
    did = tmp_path / "did"
    did.touch()
    stubs = {
        "health": f"exit {0 if healthy else 1}",
        "slot": f'case $1 in current) echo A;; committed) echo {committed};; *) printf "%s," "$*" >>{did};; esac',
        "rauc": f'printf "%s," "$2" >>{did}',
        "systemctl": f'printf "%s," "$1" >>{did}',
    }
    for name, text in stubs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    run(LIBEXEC / "judge-slot", NVR_LIBEXEC=tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert did.read_text() == done


class Pi5:
    """A board whose firmware reads autoboot.txt, with the image's own scripts."""

    def __init__(self, folder: Path) -> None:
        self.boot, self.state = folder / "boot", folder / "state"
        self.command_line, self.parameter = folder / "cmdline", folder / "reboot-param"
        self.boot.mkdir()
        self.autoboot = self.boot / "autoboot.txt"
        self.autoboot.write_bytes((TREE / "board/rpi5/boot/autoboot.txt").read_bytes())
        self.start(tryboot=False)

    def script(self, name: str, *arguments: str) -> str:
        return run(
            TRYBOOT / name,
            *arguments,
            NVR_LIBEXEC=TRYBOOT,
            NVR_BOOT=self.boot,
            NVR_SLOT_STATE=self.state,
            NVR_CMDLINE=self.command_line,
            NVR_REBOOT_PARAMETER=self.parameter,
        ).strip()

    def start(self, *, tryboot: bool) -> None:
        """As the firmware does: [tryboot] holds for one start, if it was asked for."""
        wanted = dict.fromkeys(("all", "tryboot"), "")
        section = ""
        for line in self.autoboot.read_text().splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif line.startswith("boot_partition="):
                wanted[section] = line.partition("=")[2]
        slot = {"2": "A", "3": "B"}[wanted["tryboot" if tryboot else "all"]]
        self.command_line.write_text(f"root=PARTLABEL=x rauc.slot={slot} quiet\n")

    def restart(self) -> None:
        self.script("tryboot-restart")
        tryboot = self.parameter.exists() and self.parameter.read_text() == "0 tryboot"
        self.parameter.unlink(missing_ok=True)
        self.start(tryboot=tryboot)

    def power_cut(self) -> None:
        self.start(tryboot=False)

    def install(self, slot: str) -> None:
        """As RAUC does."""
        self.script("rauc-tryboot", "set-state", slot, "bad")
        self.script("rauc-tryboot", "set-primary", slot)

    @property
    def slot(self) -> str:
        return self.script("rauc-tryboot", "get-current")


@pytest.fixture
def pi5(tmp_path: Path) -> Pi5:
    return Pi5(tmp_path)


def test_an_update_that_works_stays(pi5: Pi5) -> None:
    size = pi5.autoboot.stat().st_size
    for slot, other in (("B", "A"), ("A", "B")):
        pi5.install(slot)
        assert pi5.script("rauc-tryboot", "get-primary") == slot
        pi5.restart()
        assert pi5.slot == slot
        assert pi5.script("slot", "committed") == other
        pi5.script("rauc-tryboot", "set-state", slot, "good")
        assert pi5.script("rauc-tryboot", "get-state", slot) == "good"
        pi5.power_cut()
        pi5.restart()
        assert pi5.slot == pi5.script("slot", "committed") == slot
        assert pi5.autoboot.stat().st_size == size


def test_an_update_that_does_not_work_is_left_and_not_tried_again(pi5: Pi5) -> None:
    pi5.install("B")
    pi5.restart()
    assert pi5.slot == "B"
    pi5.power_cut()  # or its kernel hangs, and the watchdog restarts the board
    assert pi5.slot == "A"
    pi5.restart()
    assert pi5.slot == "A"
    assert pi5.script("rauc-tryboot", "get-primary") == "A"


def test_a_power_cut_before_the_trial_does_not_forget_the_update(pi5: Pi5) -> None:
    pi5.install("B")
    pi5.power_cut()
    assert pi5.slot == "A"
    pi5.restart()
    assert pi5.slot == "B"
