"""Holds as files beside the footage, `holds/<id>.json`: no loss of the index loses one. May block.

`holds/<id>.ended`: the hold was ended while another disk that may have it was away.
"""

from __future__ import annotations

from pathlib import Path

import structlog
from pydantic import ValidationError

from nvr.record.keep.hold import Hold
from nvr.whole_file import sync_folder, write_whole

log = structlog.get_logger(__name__)

FOLDER = "holds"
ENDED = ".ended"


def read_holds(root: Path) -> tuple[dict[str, Hold], list[str]]:
    """(holds of the recordings directory `root` by id, names of files that cannot be understood). Raises OSError."""
    holds, damaged = {}, []
    ended = read_ended(root)
    for path in sorted((root / FOLDER).glob("*.json")):
        if path.stem in ended:
            continue
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


def delete_hold(root: Path, hold_id: str, *, remember: bool) -> None:
    """With `remember` it is known from then on that it ended. Raises OSError, not if it is gone already."""
    folder = root / FOLDER
    if remember:
        folder.mkdir(exist_ok=True)
        write_whole(folder / f"{hold_id}{ENDED}", b"")
    (folder / f"{hold_id}.json").unlink(missing_ok=True)
    if folder.is_dir():
        sync_folder(folder)


def read_ended(root: Path) -> set[str]:
    """Ids of holds that are known to have ended. Raises OSError."""
    return {path.stem for path in (root / FOLDER).glob(f"*{ENDED}")}


def forget_ended(root: Path) -> None:
    """No disk has them any more. Raises OSError."""
    for path in (root / FOLDER).glob(f"*{ENDED}"):
        path.unlink(missing_ok=True)
