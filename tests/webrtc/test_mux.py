"""One UDP port for many sessions, over real sockets."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator

import pytest
from live_peers import until

from webrtc import stun
from webrtc.errors import WhepError
from webrtc.ice import Credentials
from webrtc.mux import PATHS_PER_SESSION, Mux, Path
from webrtc.stun import Attribute, MessageType

LOCAL = ["127.0.0.1", "127.0.0.2", "::1"]
RECORD = b"\x16\xfe\xfd" + bytes(20)
RTCP = b"\x81\xc9\x00\x01" + bytes(4)


class Session:
    def __init__(self) -> None:
        self.credentials = Credentials.generate("them")
        self.paths: list[tuple[Path, bool]] = []
        self.records: list[bytes] = []
        self.packets: list[bytes] = []

    def checked(self, path: Path, *, nominated: bool) -> None:
        self.paths.append((path, nominated))

    def dtls(self, datagram: bytes) -> None:
        self.records.append(datagram)

    def srtcp(self, datagram: bytes) -> None:
        self.packets.append(datagram)


class Client:
    """A socket of its own that checks a session's address."""

    def __init__(self, server: tuple[str, int]):
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect(server)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    async def check(
        self, session: Session, *more: tuple[int, bytes], password: str | None = None
    ) -> stun.Message:
        credentials = session.credentials
        attributes = {
            Attribute.USERNAME: f"{credentials.ufrag}:{credentials.remote_ufrag}".encode(),
            **dict(more),
        }
        key = (password or credentials.password).encode()
        self.socket.send(stun.build(MessageType.REQUEST, os.urandom(12), {**attributes}, key=key))
        async with asyncio.timeout(10):
            answer = await asyncio.get_running_loop().sock_recv(self.socket, 2048)
        message = stun.parse(answer)
        assert message.is_authentic(credentials.password.encode())
        return message


@pytest.fixture
async def mux() -> AsyncIterator[Mux]:
    made = Mux(0, addresses=lambda: LOCAL)
    yield made
    made.close()


async def test_sessions_share_the_ports_and_are_told_apart_by_name_then_by_address(mux: Mux) -> None:
    first, second = Session(), Session()
    addresses = await mux.add(first)
    assert [host for host, _ in addresses] == ["::1", "127.0.0.1", "127.0.0.2"]
    assert await mux.add(second) == addresses
    for address in addresses:
        with Client(address) as one, Client(address) as other:
            mapped = await one.check(first)
            value = mapped.attributes[Attribute.XOR_MAPPED_ADDRESS]
            assert stun.parse_xor_address(value, mapped.transaction_id) == one.socket.getsockname()[:2]
            await other.check(second, (Attribute.USE_CANDIDATE, b""))
            one.socket.send(RECORD)
            one.socket.send(RTCP)
            await until(lambda: first.records == [RECORD] and first.packets == [RTCP])
            assert second.records == second.packets == []
            other.socket.send(RECORD)
            await until(lambda: second.records == [RECORD])
            assert not first.paths[-1][1]
            assert second.paths[-1][1]
            assert first.paths[-1][0].address[:2] == one.socket.getsockname()[:2]
            assert first.paths[-1][0].send(b"hello")
            assert await asyncio.get_running_loop().sock_recv(one.socket, 10) == b"hello"
            first.records.clear()
            first.packets.clear()
            second.records.clear()


async def test_a_fixed_port_is_the_same_on_all_addresses_and_open_while_there_is_a_session() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    mux, session, other = Mux(number, addresses=lambda: LOCAL), Session(), Session()
    assert {port for _, port in await mux.add(session)} == {number}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, pytest.raises(OSError, match="in use"):
        taken.bind(("127.0.0.1", number))
    await mux.add(other)
    mux.remove(session)
    mux.remove(session)
    with Client(("127.0.0.1", number)) as client:
        await client.check(other)
    mux.remove(other)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", number))


async def test_a_taken_port_is_an_error_that_names_it() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        mux = Mux(taken.getsockname()[1], addresses=lambda: ["127.0.0.1"])
        with pytest.raises(
            WhepError, match=rf"UDP port {taken.getsockname()[1]} of 127.0.0.1 .* in use"
        ) as caught:
            await mux.add(Session())
        assert (caught.value.status, caught.value.code) == (503, "no_live_port")
    with pytest.raises(WhepError, match="no network address"):
        await Mux(0, addresses=list).add(Session())


async def test_an_address_that_came_later_is_found_and_one_that_cannot_be_bound_is_left_out() -> None:
    addresses = ["127.0.0.1", "192.0.2.99"]
    mux, session = Mux(0, addresses=lambda: addresses), Session()
    assert [host for host, _ in await mux.add(session)] == ["127.0.0.1"]
    addresses[:] = ["127.0.0.2"]
    assert [host for host, _ in await mux.add(Session())] == ["127.0.0.2"]
    mux.close()


async def test_an_address_change_is_followed_and_paths_are_bounded(mux: Mux) -> None:
    session = Session()
    (_, address, _) = await mux.add(session)
    clients = [Client(address) for _ in range(PATHS_PER_SESSION + 1)]
    for client in clients:
        await client.check(session)
        assert session.paths[-1][0].address == client.socket.getsockname()
    clients[1].socket.send(RECORD)
    await until(lambda: session.records == [RECORD])
    clients[0].socket.send(RECORD)
    clients[1].socket.send(RTCP)
    await until(lambda: session.packets == [RTCP])
    assert session.records == [RECORD], "the first path had to make room"
    for client in clients:
        client.socket.close()


async def test_a_client_that_wants_to_be_controlled_is_told_to_control(mux: Mux) -> None:
    session = Session()
    (_, address, _) = await mux.add(session)
    with Client(address) as client:
        refused = await client.check(session, (Attribute.ICE_CONTROLLED, bytes(8)))
        assert refused.kind is MessageType.ERROR
        assert refused.attributes[Attribute.ERROR_CODE][:4] == bytes((0, 0, 4, 87))
        unknown = await client.check(session, (0x7001, b"abcd"))
        assert unknown.attributes[Attribute.ERROR_CODE][:4] == bytes((0, 0, 4, 20))
        assert unknown.attributes[Attribute.UNKNOWN_ATTRIBUTES] == b"\x70\x01"
    assert session.paths == []


async def test_what_is_not_authentic_is_neither_answered_nor_let_in(mux: Mux) -> None:
    session = Session()
    (_, address, _) = await mux.add(session)
    stranger = Session()
    with Client(address) as client, pytest.raises(TimeoutError):
        client.socket.send(RECORD)
        client.socket.send(b"")
        client.socket.send(RTCP)
        async with asyncio.timeout(0.3):
            await asyncio.gather(client.check(session, password="guessed"), client.check(stranger))
    assert session.paths == []
    assert session.records == session.packets == []


async def test_a_flood_leaves_the_loop_its_turn_and_a_client_its_answer(mux: Mux) -> None:
    session = Session()
    (_, address, _) = await mux.add(session)
    genuine = stun.build(MessageType.REQUEST, bytes(12), {Attribute.USERNAME: b"nobody:them"}, key=b"guessed")
    rubbish = [RECORD, RTCP, genuine, b"\x00\x01" + bytes(30), os.urandom(60)]
    turns = 0
    flooding = True

    def turn() -> None:
        nonlocal turns
        turns += 1
        if flooding:
            asyncio.get_running_loop().call_soon(turn)

    def flood(client: Client) -> None:
        for index in range(50_000):
            client.socket.send(rubbish[index % len(rubbish)])

    with Client(address) as attacker, Client(address) as client:
        turn()
        await asyncio.to_thread(flood, attacker)
        flooding = False
        assert turns > 100
        # The kernel still holds a part of the flood; a client tries again, as all of them do.
        async with asyncio.timeout(30):
            while not session.paths:
                try:
                    async with asyncio.timeout(0.5):
                        await client.check(session)
                except TimeoutError:
                    continue
    assert session.records == session.packets == []
