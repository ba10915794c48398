"""Holds as files beside the footage, `holds/<id>.json`: no loss of the index loses one. May block."""

from __future__ import annotations

from pathlib import Path

import structlog
from pydantic import ValidationError

from nvr.record.filesystem import sync_folder, write_whole
from nvr.record.hold import Hold

log = structlog.get_logger(__name__)

FOLDER = "holds"


def read_holds(root: Path) -> tuple[dict[str, Hold], list[str]]:
    """(holds of the recordings directory `root` by id, names of files that cannot be understood). Raises OSError."""
    holds, damaged = {}, []
    for path in sorted((root / FOLDER).glob("*.json")):
        try:
            hold = Hold.model_validate_json(path.read_bytes())
        except ValidationError as error:
            log.error("hold cannot be understood", path=str(path), error=str(error))
            damaged.append(path.name)
            continue
        if path.stem == hold.id:
            holds[hold.id] = hold
        else:
            damaged.append(path.name)
    return holds, damaged


def write_hold(root: Path, hold: Hold) -> None:
    """On the disk when this returns. Raises OSError."""
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    sync_folder(root)
    write_whole(folder / f"{hold.id}.json", hold.model_dump_json(indent=2).encode())


def delete_hold(root: Path, hold: Hold) -> None:
    """Raises OSError, not if it is gone already."""
    (root / FOLDER / f"{hold.id}.json").unlink(missing_ok=True)
    sync_folder(root / FOLDER)
