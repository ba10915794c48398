"""What analysis tells about itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nvr.detect.attention import Mode


@dataclass(frozen=True, slots=True)
class CameraNumbers:
    """Of one camera, in the last second or so. `mode`: how its pictures are looked at; `arrived_fps`, `examined_fps`:
    pictures that came and that were examined; `skipped`: due, but not examined; `cpu_share`: of one core; `gop_s`: time
    between its last two keyframes, None: not known yet. The rest as in `protocol.CameraStatistics`."""

    mode: Mode
    arrived_fps: float = 0.0
    examined_fps: float = 0.0
    skipped: int = 0
    decode_errors: int = 0
    queue_age_s: float = 0.0
    cpu_share: float = 0.0
    gop_s: float | None = None


@dataclass(frozen=True, slots=True)
class AnalysisStatistics:
    """Of the last second or so. `cameras`: camera id to its numbers; `inference_ms`: mean time of examining one square;
    `cpu_share`: CPU time of all analysis over that time, `cpu_budget`: what cameras that are not acting may bring it
    to, both of one core; `busy`: share of the time in which the analysis process worked; `mechanisms`: what locks it
    in."""

    cameras: Mapping[str, CameraNumbers] = field(default_factory=dict)
    inference_ms: float = 0.0
    cpu_share: float = 0.0
    cpu_budget: float = 0.0
    busy: float = 0.0
    mechanisms: tuple[str, ...] = ()
