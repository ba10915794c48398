"""What `nvr serve` and `nvr demo` say on the console: an installer has nothing else to go by."""

import socket

import pytest

from nvr.__main__ import main
from peers.appliance import Child, free_port


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


async def test_no_ready_without_a_page_and_then_the_fingerprint(tmp_path, taken):
    port = taken.getsockname()[1]
    (tmp_path / "nvr.toml").write_text(
        '[storage]\nrecordings = "recordings"\nstate = "state"\n[analysis]\nenabled = false\n'
        f'[web]\nhost = "127.0.0.1"\nhttps_port = {port}\nhttp_port = {free_port()}\n'
    )
    service = await Child.start(tmp_path / "log", "nvr", "serve", "--config", str(tmp_path / "nvr.toml"))
    try:
        assert f"port {port} is used by another program" in await service.line("no page: ")
        assert any(line.startswith("claim code: ") for line in service.lines)
        assert "ready" not in service.lines
        taken.close()
        fingerprint = (await service.line("fingerprint: ")).removeprefix("fingerprint: ")
        assert len(bytes.fromhex(fingerprint.replace(":", ""))) == 32
        await service.line("ready")
    finally:
        assert await service.stop() == 0


def test_demo_names_a_port_that_is_taken_before_it_starts_anything(tmp_path, taken, capsys):
    port = taken.getsockname()[1]
    assert main(["demo", "--dir", str(tmp_path / "demo"), "--https-port", str(port)]) == 78
    assert f"--https-port: port {port}" in capsys.readouterr().err
    assert list((tmp_path / "demo").iterdir()) == []
