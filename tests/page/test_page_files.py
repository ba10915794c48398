"""The page's files by themselves: words, rules of the house, no build step."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

import nvr.web

WEB = Path(nvr.web.__file__).parent
STATIC = WEB / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))
SELDOM = {
    "camera-chips.js",
    "fragments.js",
    "holds.js",
    "nvr-accounts.js",
    "nvr-audit.js",
    "nvr-first-password.js",
    "nvr-log-ins.js",
    "nvr-own.js",
    "password-form.js",
    "nvr-deletions.js",
    "nvr-hold-bar.js",
    "nvr-hold-form.js",
    "nvr-layout.js",
    "nvr-holds.js",
    "nvr-notify.js",
    "nvr-packages.js",
    "nvr-platforms.js",
    "nvr-readout.js",
    "nvr-reel.js",
    "nvr-schedule-entry.js",
    "nvr-schedule-holidays.js",
    "copy-text.js",
    "nvr-tunnel.js",
    "nvr-tunnel-phones.js",
    "nvr-schedule.js",
    "nvr-storage.js",
    "nvr-timeline-bar.js",
    "nvr-timeline.js",
    "platform-login.js",
    "schedule-week.js",
    "schedule-words.js",
    "sound-button.js",
    "timeline-controls.js",
    "timeline-draw.js",
    "timeline-gestures.js",
    "timeline-incidents.js",
    "timeline-keys.js",
    "timeline-words.js",
}
"""Fetched when their page is opened."""
TYPES = {
    "types.js",
    "account-types.js",
    "package-types.js",
    "platform-types.js",
    "schedule-types.js",
    "tunnel-types.js",
}
"""For the type checker alone."""
WORDS: dict[str, dict[str, str]] = {
    language: json.loads((WEB / "locales" / f"{language}.json").read_text("utf-8"))
    for language in ("vi", "en")
}
FAULTS = (
    "camera_unreachable camera_refused camera_unsupported camera_protocol camera_stalled disk_full storage analysis "
    "model siren siren_denied siren_busy guard clock_untrusted clock_jumped internal record_overflow "
    "sick_covered sick_moved sick_blurred sick_dark sick_cobwebbed sick_frozen sick_many"
).split()
ERRORS = (
    "wrong_code already_claimed too_many_attempts weak_password bad_name wrong_login bad_offer b_frames no_picture "
    "h265 "
    "schedule_at schedule_days schedule_same_time schedule_place schedule_holiday schedule_holiday_twice "
    "schedule_too_many schedule_changed bad_schedule already_resolved not_resolved note_needed not_now "
    "too_many_viewers too_many_own_viewers no_live_port live_stopped bad_live_token too_many_live_tokens "
    "bad_layout_name layout_name_taken too_many_layouts "
    "no_siren siren_unavailable too_large not_found forbidden bad_csrf cross_origin no_codec storage"
).split()


def used() -> tuple[set[str], set[str]]:
    """Keys that the scripts name, and the beginnings of those they put together."""
    keys, beginnings = set(), set()
    for script in SCRIPTS:
        text = script.read_text("utf-8")
        counted = set(re.findall(r'\btn\("([^"]+)"', text))
        keys |= {f"{key}.{form}" for key in counted for form in ("one", "other")}
        keys |= set(re.findall(r'"((?:[a-z_]+\.)+[a-z_]+|[a-z_]+)"', text)) & set(WORDS["vi"])
        keys |= set(re.findall(r'\bt\("([^"]+)"', text))
        keys |= {
            key
            for call in re.findall(r"\bt\(([^()`]*\?[^()`]*)[,)]", text)
            for key in re.findall(r'[?:] "([^"]+)"', call)
        }
        beginnings |= set(re.findall(r"`([a-z_]+\.(?:[a-z_]+\.)*)\$\{", text))
    return keys, beginnings


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    assert WORDS["vi"].keys() == WORDS["en"].keys()
    for key, text in WORDS["vi"].items():
        assert text.strip() and WORDS["en"][key].strip(), key
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", WORDS["en"][key])), key


def test_every_key_used_exists_and_every_word_is_used() -> None:
    keys, beginnings = used()
    known = set(WORDS["vi"])
    assert keys - known == set()
    assert {
        beginning for beginning in beginnings if not any(key.startswith(beginning) for key in known)
    } == set()
    # What the service itself says, in messages that leave it.
    beginnings.add("notify.text.")
    assert {key for key in known - keys if not key.startswith(tuple(beginnings))} == set()


@pytest.mark.parametrize("language", WORDS)
def test_every_fault_and_error_has_words(language: str) -> None:
    words = WORDS[language]
    assert [code for code in FAULTS if f"fault.{code}" not in words or f"remedy.{code}" not in words] == []
    assert [code for code in ERRORS if f"error.{code}" not in words] == []


def test_nobody_is_called_a_suspect() -> None:
    assert [key for key, text in WORDS["vi"].items() if "đối tượng" in text.lower()] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_keep_the_rules(script: Path) -> None:
    text = script.read_text("utf-8")
    assert len(text.splitlines()) < 300
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text
    )
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)
    assert not re.search(r'setAttribute\("(style|on\w+)"', text), "the CSP forbids style attributes"
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
    assert not re.search(r"[À-ÖØ-öø-ỹ]", code), "words belong into the locales"


@pytest.mark.parametrize("name", ["index.html", "http.html"])
def test_html_has_nothing_inline_and_nothing_from_outside(name: str) -> None:
    html = (STATIC / name).read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|https?://", html)
    if name == "http.html":
        assert "<script" not in html
        assert set(re.findall(r"\{\{(\w+)\}\}", html)) == {"site", "fingerprint", "https_url"}
        assert "/ca.crt" in html


def test_every_module_is_preloaded() -> None:
    """One round trip instead of one for each level of imports."""
    html = (STATIC / "index.html").read_text("utf-8")
    preloaded = set(re.findall(r'rel="modulepreload" href="/static/([^"]+)"', html))
    assert preloaded == {script.name for script in SCRIPTS} - SELDOM - {
        "app.js",
        "push-worker.js",
        *TYPES,
    }


def test_page_is_small() -> None:
    """A second over a poor 4G connection of 1 Mbit/s, once: the browser keeps it."""
    loaded = [script for script in SCRIPTS if script.name not in SELDOM | TYPES]
    files = [*loaded, STATIC / "app.css", STATIC / "index.html", WEB / "locales" / "vi.json"]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < 120_000


def test_manifest() -> None:
    manifest = json.loads((STATIC / "manifest.webmanifest").read_text("utf-8"))
    assert manifest["start_url"] == "/" and manifest["display"] == "standalone"
    assert (STATIC / manifest["icons"][0]["src"].rpartition("/")[2]).is_file()
