"""README.txt of a package: what it is and how to check it, in Vietnamese and English. Pure, but for its template."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files
from string import Template
from zoneinfo import ZoneInfo

from nvr.clock import Source
from nvr.evidence.fingerprint import fingerprint, grouped
from nvr.evidence.manifest import Manifest, milliseconds

README = "README.txt"
_TEMPLATE = "readme.txt"
_CLOCKS: dict[Source, tuple[str, str]] = {
    "none": ("chưa tin được", "not trusted"),
    "rtc": ("theo pin đồng hồ của máy", "by the machine's battery clock"),
    "person": ("do người quản trị đặt", "set by an administrator"),
    "ntp": ("theo máy chủ thời gian", "by a time server"),
}


def readme_text(manifest: Manifest) -> bytes:
    """For a manifest that may lack its files. As Notepad takes it: UTF-8 with a mark, and CR LF."""
    digits = fingerprint(bytes.fromhex(manifest.signer.key))
    vietnamese, english = _CLOCKS[manifest.clock.source]
    error_ms = manifest.clock.error_ms
    error = "" if error_ms is None else f", ± {error_ms / 1000:.3f} s"
    text = Template(files(__package__).joinpath(_TEMPLATE).read_text("utf-8")).substitute(
        title_vi="HÌNH CAMERA TRÍCH XUẤT LÀM CHỨNG CỨ",
        title_en="CAMERA FOOTAGE EXPORTED AS EVIDENCE",
        site=manifest.site.name,
        case=manifest.case,
        reason=manifest.reason,
        person=manifest.person,
        requested=manifest.requested.by,
        approved=manifest.approved.by,
        start=_local(manifest.span.start, manifest),
        end=_local(manifest.span.end, manifest),
        zone=manifest.site.zone,
        cameras=", ".join(f"{camera.name} ({camera.id})" for camera in manifest.cameras),
        gaps=len(manifest.gaps),
        clock_vi=vietnamese + error,
        clock_en=english + error,
        id=manifest.id,
        print_1=grouped(digits[:32]),
        print_2=grouped(digits[32:]),
    )
    return ("\ufeff" + text.replace("\n", "\r\n")).encode()


def _local(moment: str, manifest: Manifest) -> str:
    wall_s = milliseconds(moment) / 1000
    return f"{datetime.fromtimestamp(wall_s, ZoneInfo(manifest.site.zone)):%Y-%m-%d %H:%M:%S}"
