"""A stand-in for the appliance: serves the page as the appliance does, and answers its API from made-up data.

Live pictures are real WebRTC (aiortc), footage a real MP4, events a real event stream; what is decided (who may
log in, what rings) is a few lines of state that a test changes.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from aiohttp import web
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from page_alarm import AlarmDesk, refused
from page_data import (
    ACCOUNTS,
    CODE,
    CSRF,
    Json,
    alarm,
    cameras,
    deletions,
    holds,
    incident,
    seen_object,
    status,
    timeline,
)
from page_handling import OUTCOMES, Handling
from page_layouts import KeptLayouts
from page_notices import Notices
from page_packages import Packages
from page_people import KnownPeople
from page_platforms import KnownPlatforms
from page_scene import close_up, jpeg, street
from page_schedule import Scheduled
from page_tunnel import Remote

import nvr.web
from nvr.web.access import AccountRole

WEB = Path(nvr.web.__file__).parent
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


class Street(MediaStreamTrack):
    """A drawn street, 8 pictures a second."""

    kind = "video"

    def __init__(self, seed: int, moving: asyncio.Event):
        super().__init__()
        self._seed, self._step, self._moving = seed, 0, moving

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(1 / 8)
        await self._moving.wait()
        self._step += 1
        frame = av.VideoFrame.from_ndarray(street(self._seed, self._step), "rgb24")
        frame.pts, frame.time_base = self._step * 11250, Fraction(1, 90000)
        return frame


class StandIn:
    """`url` is where it answers; the public attributes are its state, `tell` announces what changed."""

    def __init__(self, footage: Path):
        self.url = ""
        self.index = (WEB / "static" / "index.html").read_text()
        self.claimed = True
        self.language = "vi"
        self.account: Json | None = None
        self.csrf = CSRF
        self.cameras = cameras()
        self.alarm = alarm()
        self.desk = AlarmDesk(self)
        self.handling = Handling(self)
        self.status = status()
        self.moving = asyncio.Event()
        self.moving.set()
        self.holds = holds()
        self.no_room_for: set[str] = set()
        self.quota_bytes = 486_000_000_000
        self.held_bytes = 2_480_000_000
        self.deletions: list[Json] | None = deletions()
        self.incidents = [incident(n) for n in range(45, 0, -1)]
        self.objects: dict[int, list[Json]] = {}
        self.notices = Notices()
        self.packages = Packages(lambda: self.holds, self._may)
        self.scheduled = Scheduled()
        self.layouts = KeptLayouts()
        self.platforms = KnownPlatforms()
        self.remote = Remote()
        self.people = KnownPeople(self)
        self.footage_parts = 1
        self.h265_roles: set[str] = set()
        self.footage_ready = asyncio.Event()
        self.footage_ready.set()
        self.list_on_its_way = asyncio.Event()
        self.list_on_its_way.set()
        self.footage_until_s: float | None = None
        self.asked: list[str] = []
        self.refuse: dict[str, Json] = {}
        self._footage = footage
        self._listeners: set[asyncio.Queue[tuple[str, object] | None]] = set()
        self._live_count = 0
        self.wished: list[str] = []
        self.offers: list[str] = []
        self._peers: dict[str, RTCPeerConnection] = {}
        self._pictures: dict[str, bytes] = {}

    # State

    def tell(self, event: str, data: object) -> None:
        for listener in self._listeners:
            listener.put_nowait((event, data))

    def hang_up(self) -> None:
        """End every event stream, as a restart does."""
        for listener in self._listeners:
            listener.put_nowait(None)

    def ring(self, number: int, **more: object) -> Json:
        """A new incident that rings."""
        new = incident(number, opened_s=time.time() - 4, last_s=time.time() - 3, response="call", **more)
        self.incidents.insert(0, new)
        self.alarm["ringing"] = [number, *self.alarm["ringing"]]
        self.tell("incident", new)
        self.tell("alarm", self.alarm)
        return new

    @property
    def viewers(self) -> int:
        """Live pictures now being sent; not those whose page gave up before our answer came."""
        return sum(peer.connectionState == "connected" for peer in self._peers.values())

    def session(self) -> Json:
        return {
            "claimed": self.claimed,
            "site": {"name": "Công an xã An Phú", "language": self.language, "timezone": "Asia/Ho_Chi_Minh"},
            "account": self.account,
            "may": sorted(a.value for a in AccountRole(self.account["role"]).abilities)
            if self.account
            else [],
            "must_change": bool(self.account and self.account.get("must_change")),
            "csrf": self.csrf if self.account else None,
            "version": "0.1.0",
        }

    # Service

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[StandIn]:
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/", self._index)
        app.router.add_get("/push-worker.js", self._worker)
        app.router.add_static("/static", WEB / "static")
        app.router.add_static("/locales", WEB / "locales")
        app.router.add_get("/manifest.webmanifest", self._manifest)
        app.router.add_get("/api/session", self._session)
        app.router.add_post("/api/claim", self._claim)
        app.router.add_post("/api/login", self._login)
        app.router.add_post("/api/logout", self._logout)
        app.router.add_get("/api/events", self._events)
        app.router.add_get("/api/status", self._status)
        app.router.add_post("/api/clock", self._confirm_clock)
        app.router.add_get("/api/incidents", self._page)
        app.router.add_get("/api/timeline", self._timeline)
        app.router.add_get("/api/holds", self._holds)
        app.router.add_post("/api/holds", self._hold)
        app.router.add_delete("/api/holds/{hold}", self._end_hold)
        app.router.add_get("/api/deletions", self._deletions)
        app.router.add_get("/api/cameras/{camera}/picture", self._still)
        app.router.add_get("/api/incidents/{id}", self._incident)
        app.router.add_get("/api/cameras/{camera}/sick/{when}", self._sick)
        app.router.add_get("/api/incidents/{id}/picture", self._picture)
        app.router.add_get("/api/incidents/{id}/frames", self._frames)
        self.handling.add_to(app)
        self.desk.add_to(app)
        app.router.add_post("/api/cameras/{camera}/live/{role}", self._live)
        app.router.add_get("/api/live/{session}", self._fares)
        app.router.add_delete("/api/live/{session}", self._leave)
        app.router.add_post("/api/live/{session}/stream", self._switch)
        app.router.add_get("/api/cameras/{camera}/footage/{role}", self._parts)
        app.router.add_get("/api/cameras/{camera}/footage/{role}/part.mp4", self._part)
        self.notices.add_to(app)
        self.packages.add_to(app)
        self.layouts.add_to(app)
        self.platforms.add_to(app)
        self.people.add_to(app)
        self.scheduled.add_to(app, self._may)
        self.remote.add_to(app, refused)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        try:
            async with self.remote.opened():
                yield self
        finally:
            self.hang_up()
            for peer in list(self._peers.values()):  # a page that leaves ends its own meanwhile
                await peer.close()
            await runner.cleanup()

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        open_paths = ("/api/session", "/api/claim", "/api/login")
        scripted = self.refuse.get(f"{request.method} {request.path}")
        if scripted is not None:
            answer: web.StreamResponse = refused(**scripted)
        elif request.path.startswith("/api/") and request.path not in open_paths and self.account is None:
            answer = refused(401, "not_logged_in")
        elif (
            request.method != "GET"
            and request.path not in open_paths
            and request.headers.get("X-CSRF-Token") != self.csrf
        ):
            answer = refused(403, "bad_csrf")
        else:
            answer = await handler(request)
        if not answer.prepared:
            self._secure(answer)
        return answer

    def _secure(self, answer: web.StreamResponse) -> None:
        answer.headers.update(
            {
                "Content-Security-Policy": CSP,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Cross-Origin-Resource-Policy": "same-origin",
            }
        )

    async def _index(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=self.index, content_type="text/html")

    async def _manifest(self, _request: web.Request) -> web.StreamResponse:
        text = (WEB / "static" / "manifest.webmanifest").read_text()
        return web.Response(text=text, content_type="application/manifest+json")

    async def _worker(self, _request: web.Request) -> web.StreamResponse:
        return web.FileResponse(
            WEB / "static" / "push-worker.js", headers={"Content-Type": "text/javascript"}
        )

    async def _session(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self.session())

    async def _claim(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if body["code"] != CODE:
            return refused(403, "wrong_code")
        self.claimed, self.account = True, {"name": body["name"], "role": "administrator", "cameras": None}
        return web.json_response(self.session(), status=201)

    async def _login(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if ACCOUNTS.get(body["name"]) != body["password"]:
            return refused(401, "wrong_login")
        self.account = {"name": body["name"], "role": "operator", "cameras": None}
        return web.json_response(self.session())

    async def _logout(self, _request: web.Request) -> web.StreamResponse:
        self.account = None
        self.hang_up()
        return web.Response(status=204)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        self._secure(answer)
        await answer.prepare(request)
        queue: asyncio.Queue[tuple[str, object] | None] = asyncio.Queue()
        queue.put_nowait(("alarm", self.alarm))
        queue.put_nowait(("cameras", {"cameras": self.cameras}))
        queue.put_nowait(("status", {**self.status, "now_s": time.time()}))
        self._listeners.add(queue)
        try:
            while (item := await queue.get()) is not None:
                event, data = item
                await answer.write(f": note\nevent: {event}\ndata: {json.dumps(data)}\n\n".encode())
        except ConnectionResetError:
            pass
        finally:
            self._listeners.discard(queue)
        return answer

    async def _status(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self.status)

    async def _confirm_clock(self, request: web.Request) -> web.StreamResponse:
        if not self._may("administrator"):
            return refused(403, "forbidden")
        if await request.json() != {"confirm": True}:
            return refused(400, "bad_request")
        self.status["clock"]["source"] = "person"
        self.status["faults"] = [one for one in self.status["faults"] if one["code"] != "clock_untrusted"]
        self.tell("status", self.status)
        return web.json_response(self.status["clock"])

    def _found(self, request: web.Request) -> Json | None:
        number = int(request.match_info["id"])
        return next((one for one in self.incidents if one["id"] == number), None)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        before, limit = int(request.query.get("before", 10**9)), int(request.query["limit"])
        rest = [one for one in self.incidents if one["id"] < before and self._meets(one, request.query)]
        more = rest[limit - 1]["id"] if len(rest) > limit else None
        answer = web.json_response({"incidents": rest[:limit], "next": more})
        await self.list_on_its_way.wait()
        return answer

    def _meets(self, one: Json, asked: Mapping[str, str]) -> bool:
        waits = one["acknowledged_s"] is None and one["response"] != "record"
        done = one["outcome"] is not None
        taken = {"yes": one["acknowledged_s"] is not None, "no": waits}
        resolved = {"yes": done, "no": not done and (waits or one["acknowledged_s"] is not None)}
        assert asked.get("outcome") in (None, *OUTCOMES)
        return (
            all(asked.get(name) in (None, one[name]) for name in ("camera", "kind", "zone", "outcome"))
            and resolved.get(asked.get("resolved", ""), True)
            and float(asked.get("since_s", 0)) <= one["opened_s"] < float(asked.get("until_s", 1e12))
            and taken.get(asked.get("acknowledged", ""), True)
        )

    async def _incident(self, request: web.Request) -> web.StreamResponse:
        found = self._found(request)
        return web.json_response(self.whole(found)) if found else refused(404, "not_found")

    def whole(self, incident: Json) -> Json:
        made = [seen_object(incident)] if incident["best"] else []
        history = self.handling.history.get(incident["id"], [])
        return {**incident, "objects": self.objects.get(incident["id"], made), "history": history}

    async def _sick(self, request: web.Request) -> web.StreamResponse:
        before = street(2, 3)
        return web.Response(
            body=jpeg(before if request.match_info["when"] == "before" else before // 8 + 90),
            content_type="image/jpeg",
        )

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        number, which = int(request.match_info["id"]), request.query.get("object")
        key = f"{number}/{which}"
        if key not in self._pictures:
            step = number + 9 * int(which or 0)
            draw = street(number % 4, number) if which is None else close_up(number % 4, step)
            self._pictures[key] = jpeg(draw)
        return web.Response(body=self._pictures[key], content_type="image/jpeg")

    async def _frames(self, request: web.Request) -> web.StreamResponse:
        """As many as the object's explanation counts, each a little further on."""
        number, which = int(request.match_info["id"]), int(request.query["object"])
        found = self._found(request)
        assert found is not None
        (seen,) = (one for one in self.whole(found)["objects"] if one["number"] == which)
        count = len(seen["explanation"]["counted"])
        tiles = [close_up(number % 4, number + n, square=96) for n in range(count)]
        return web.Response(body=jpeg(np.concatenate(tiles, axis=1)), content_type="image/jpeg")

    async def _timeline(self, request: web.Request) -> web.StreamResponse:
        start_s, end_s = float(request.query["start_s"]), float(request.query["end_s"])
        ids = request.query["cameras"].split(",")
        marks = timeline(self.incidents, start_s, min(end_s, time.time()), ids)
        return web.json_response({"start_s": start_s, "end_s": end_s, "cameras": marks})

    def _may(self, *roles: str) -> bool:
        return self.account is not None and self.account["role"] in roles

    async def _holds(self, _request: web.Request) -> web.StreamResponse:
        if not self._may("operator", "administrator"):
            return refused(403, "forbidden")
        answer = {"holds": self.holds, "held_bytes": self.held_bytes, "quota_bytes": self.quota_bytes}
        return web.json_response(answer)

    async def _hold(self, request: web.Request) -> web.StreamResponse:
        if not self._may("operator", "administrator"):
            return refused(403, "forbidden")
        wanted = await request.json()
        if wanted["camera"] in self.no_room_for:
            return refused(409, "hold_quota")
        made = {
            "id": f"{len(self.holds):016x}",
            "made_by": "an",
            "made_s": time.time(),
            "expired": False,
            **wanted,
        }
        self.holds.insert(0, made)
        return web.json_response(made, status=201)

    async def _end_hold(self, request: web.Request) -> web.StreamResponse:
        left = [one for one in self.holds if one["id"] != request.match_info["hold"]]
        if len(left) == len(self.holds):
            return refused(404, "not_found")
        self.holds = left
        return web.Response(status=204)

    async def _deletions(self, request: web.Request) -> web.StreamResponse:
        if self.deletions is None:
            return refused(404, "not_found")
        if not self._may("administrator"):
            return refused(403, "forbidden")
        camera, since_s = request.query.get("camera"), float(request.query["since_s"])
        found = [
            one
            for one in self.deletions
            if camera in (None, one["camera"]) and one["day_s"] + 86400 > since_s
        ]
        return web.json_response({"deletions": found})

    async def _still(self, request: web.Request) -> web.StreamResponse:
        at_s = float(request.query["at_s"])
        return web.Response(body=jpeg(street(2, int(at_s))), content_type="image/jpeg")

    async def _live(self, request: web.Request) -> web.StreamResponse:
        number = next(i for i, one in enumerate(self.cameras) if one["id"] == request.match_info["camera"])
        # A browser hides its addresses behind names that only multicast DNS knows; it will call by itself.
        offer = re.sub(r"a=candidate:[^\r\n]*\.local [^\r\n]*\r\n", "", await request.text())
        self.offers.append(offer)
        peer = RTCPeerConnection()
        peer.addTrack(Street(number, self.moving))
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        self._live_count += 1
        name = f"s{self._live_count}"
        self._peers[name] = peer
        return web.Response(
            status=201,
            text=peer.localDescription.sdp,
            content_type="application/sdp",
            headers={"Location": f"/api/live/{name}"},
        )

    async def _fares(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["session"] not in self._peers:
            return refused(404, "not_found")
        return web.json_response({"role": self.wished[-1] if self.wished else "sub"})

    async def _switch(self, request: web.Request) -> web.StreamResponse:
        """The picture stays as it is; what was wished is remembered."""
        if request.match_info["session"] not in self._peers:
            return refused(404, "not_found")
        self.wished.append((await request.json())["role"])
        return web.Response(status=204)

    async def _leave(self, request: web.Request) -> web.StreamResponse:
        peer = self._peers.pop(request.match_info["session"], None)
        if peer is None:
            return refused(404, "not_found")
        await peer.close()
        return web.Response()

    async def drop_viewers(self) -> None:
        """End every live picture, as a restart does."""
        while self._peers:
            await self._peers.popitem()[1].close()

    async def _parts(self, request: web.Request) -> web.StreamResponse:
        start_s, end_s = float(request.query["start_s"]), float(request.query["end_s"])
        if not self.footage_ready.is_set():
            return web.json_response({"parts": [], "covered": []})
        end_s = min(end_s, self.footage_until_s or end_s)
        if end_s <= start_s:
            return web.json_response({"parts": [], "covered": []})
        length = (end_s - start_s) / self.footage_parts
        parts: list[Any] = []
        for i in range(self.footage_parts):
            at = start_s + i * length
            url = f"{request.path}/part.mp4?start_s={start_s}&end_s={end_s}&part={i}"
            size = self._footage.stat().st_size
            unplayable = request.match_info["role"] in self.h265_roles
            kind = f'video/mp4; codecs="{"hvc1.1.6.L93.B0" if unplayable else "avc1.42c01e"}"'
            parts.append(
                {
                    "url": url,
                    "start_s": at,
                    "duration_s": length,
                    "bytes": size,
                    "content_type": kind,
                    "media_to_wall": [[0, at]],
                }
            )
        return web.json_response({"parts": parts, "covered": [[start_s, end_s]]})

    async def _part(self, _request: web.Request) -> web.StreamResponse:
        return web.FileResponse(self._footage, headers={"Content-Type": "video/mp4"})
