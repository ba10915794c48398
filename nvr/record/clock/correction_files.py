"""Clock corrections as files beside the footage, `clock/<boot id>.json`: no loss of the index loses one. May block."""

from __future__ import annotations

from pathlib import Path

import structlog
from pydantic import ValidationError

from nvr.record.clock.correction import BootCorrections, Corrections
from nvr.whole_file import sync_folder, write_whole

log = structlog.get_logger(__name__)

FOLDER = "clock"


def read_corrections(root: Path) -> tuple[Corrections, list[str]]:
    """(corrections of the recordings directory `root`, names of files that cannot be understood). Raises OSError."""
    boots, damaged = {}, []
    for path in sorted((root / FOLDER).glob("*.json")):
        try:
            boot = BootCorrections.model_validate_json(path.read_bytes())
        except ValidationError as error:
            log.error("clock correction cannot be understood", path=str(path), error=str(error))
            damaged.append(path.name)
            continue
        if path.stem == boot.boot_id:
            boots[boot.boot_id] = boot
        else:
            damaged.append(path.name)
    return Corrections(boots), damaged


def write_corrections(root: Path, boot: BootCorrections) -> None:
    """On the disk when this returns. Raises OSError."""
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    sync_folder(root)
    write_whole(folder / f"{boot.boot_id}.json", boot.model_dump_json(indent=2).encode())
