"""verify.html in Chromium, opened as a file: says what `nvr verify` says, and asks nobody."""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from evidence_small import FORGER, KEY, SEGMENTS, package
from playwright.async_api import Page, expect

from nvr.evidence.fingerprint import fingerprint, grouped
from nvr.evidence.manifest import MANIFEST, SIGNATURE, parse
from nvr.evidence.reading import open_package
from nvr.evidence.signature import sign
from nvr.evidence.verifier_page import verifier_page
from nvr.evidence.verify import verify
from nvr.evidence.zip_layout import NoPackage
from peers.browser import DESKTOP, PHONE, browser_page

PRINT = fingerprint(KEY.public_key().public_bytes_raw())
FORGERS_PRINT = fingerprint(FORGER.public_key().public_bytes_raw())
CHECK_MS = 30_000


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    (tmp_path / "verify.html").write_bytes(verifier_page())
    async with browser_page(DESKTOP) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.goto((tmp_path / "verify.html").as_uri())
        yield page
        assert all(url.startswith(("file:", "blob:")) for url in asked), asked
        assert page.complaints == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = package(tmp_path)
    made.write_folder(tmp_path / "p")
    made.write_zip(tmp_path / "p.zip")
    return tmp_path


async def shown(page: Page, path: Path, key: str = PRINT) -> tuple[str, set[tuple[str, str]]]:
    """(state, findings by kind and name) for a ZIP or folder."""
    await page.fill("#key", key)
    await page.evaluate("for (const id of ['zip', 'folder']) document.getElementById(id).value = ''")
    await page.evaluate("document.getElementById('result').hidden = true")
    await page.set_input_files("#folder" if path.is_dir() else "#zip", path)
    result = page.locator("#result")
    await expect(result).to_be_visible(timeout=CHECK_MS)
    found = await page.locator("#findings li").evaluate_all(
        "all => all.map(li => [li.dataset.kind, li.dataset.name])"
    )
    return await result.get_attribute("data-state") or "", {(kind, name) for kind, name in found}


def told(path: Path, key: str | None = PRINT) -> tuple[str, set[tuple[str, str]]]:
    """The same by Python."""
    try:
        files = open_package(path)
    except NoPackage:
        return "broken", {("container", "ZIP")}
    try:
        verdict = verify(files, key)
    finally:
        files.close()
    return verdict.state, {(finding.kind, finding.name) for finding in verdict.findings}


async def test_good_packages_and_whose_they_are(page, folder):
    for path in (folder / "p.zip", folder / "p"):
        assert await shown(page, path, "") == ("unknown_signer", set())
        assert await shown(page, path, grouped(PRINT).upper()) == ("authentic", set())
        assert await shown(page, path, FORGERS_PRINT) == ("broken", {("signer", SIGNATURE)})
    # Typed later, without choosing the files again.
    await page.fill("#key", PRINT[:40])
    await expect(page.locator("#result")).to_have_attribute("data-state", "authentic")
    await expect(page.locator("#state")).to_have_text("ĐÚNG NGUYÊN GỐC")
    await expect(page.locator("#facts")).to_contain_text("Cổng chính (cong-chinh)")
    await expect(page.locator("#facts")).to_contain_text("mất dữ liệu trên mạng")
    await page.click("[data-language=en]")
    await expect(page.locator("#state")).to_have_text("AUTHENTIC")
    await page.fill("#key", PRINT[:31])
    await expect(page.locator("#key-wrong")).to_be_visible()
    await expect(page.locator("#result")).to_be_hidden()


async def test_what_was_changed_in_a_folder(page, folder):
    gone = folder / "gone"
    shutil.copytree(folder / "p", gone)
    (gone / SEGMENTS[1]).unlink()
    (gone / "new.txt").write_text("new")
    assert await shown(page, gone) == ("broken", {("missing", SEGMENTS[1]), ("added", "new.txt")})
    manifest = parse((folder / "p" / MANIFEST).read_bytes())
    longer = msgspec.structs.replace(manifest.gaps[0], end="2026-11-24T15:01:59.000Z")
    other = msgspec.structs.replace(manifest, gaps=(longer, manifest.gaps[1]))
    for data, key in ((other.encode(), None), (other.encode(), KEY), (other.encode() + b" ", KEY)):
        changed = folder / "changed"
        shutil.rmtree(changed, ignore_errors=True)
        shutil.copytree(folder / "p", changed)
        (changed / MANIFEST).write_bytes(data)
        if key is not None:
            (changed / SIGNATURE).write_bytes(sign(key, data))
        said = await shown(page, changed)
        assert said == told(changed)
        assert said[0] == "broken"
        assert key is not None or ("manifest", "manifest.json: gaps/0") in said[1]


async def test_forgery_signed_anew(page, folder, tmp_path):
    (tmp_path / "forged").mkdir()
    package(tmp_path / "forged", FORGER, first=b"another").write_zip(tmp_path / "forged.zip")
    assert await shown(page, tmp_path / "forged.zip", "") == ("unknown_signer", set())
    assert await shown(page, tmp_path / "forged.zip") == ("broken", {("signer", SIGNATURE)})


async def test_any_changed_byte_of_a_zip_is_told_as_the_command_tells_it(page, folder):
    whole = (folder / "p.zip").read_bytes()
    dice = random.Random(7)
    ends = [*range(0, 30, 7), *range(len(whole) - 500, len(whole), 41)]
    path = folder / "changed.zip"
    for place in sorted({*ends, *dice.sample(range(len(whole)), 40)}):
        changed = bytearray(whole)
        changed[place] ^= 1 << dice.randrange(8)
        path.write_bytes(changed)
        assert await shown(page, path) == told(path), place
    for length in (0, 10, 700, len(whole) - 700, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert await shown(page, path) == told(path), length


async def test_dropped_on_a_phone(folder):
    """A ZIP by drag and drop, at 360 pixels: nothing is wider than the screen."""
    (folder / "verify.html").write_bytes(verifier_page())
    async with browser_page(PHONE) as page:
        await page.goto((folder / "verify.html").as_uri())
        data = list((folder / "p.zip").read_bytes())
        await page.evaluate(
            """data => {
              const transfer = new DataTransfer();
              transfer.items.add(new File([Uint8Array.from(data)], "p.zip"));
              document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true}));
            }""",
            data,
        )
        await expect(page.locator("#state")).to_have_text("KHỚP, CHƯA BIẾT NGƯỜI KÝ", timeout=CHECK_MS)
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        await page.screenshot(path=folder / "phone.png", full_page=True)
        assert page.complaints == []
