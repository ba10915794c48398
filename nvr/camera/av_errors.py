"""What can be wrong with a source that libav reads, for people."""

from __future__ import annotations

from nvr.camera.av_job import OPEN_S
from nvr.camera.av_messages import Failed
from nvr.errors import CameraError, CameraRefused, CameraUnreachable, UnsupportedStream
from nvr.stream_address import StreamAddress


class CameraMissing(CameraError):
    """The device is not plugged in, or the file is not there."""

    code = "camera_missing"


class CameraDenied(CameraError):
    """This user may not read the device or file."""

    code = "camera_denied"


class CameraBusy(CameraError):
    """Another program holds the device."""

    code = "camera_busy"


class CameraUndecodable(CameraError):
    """The device is no camera, or what was read is no video."""

    code = "camera_undecodable"


class CameraReaderLost(CameraError):
    """The process that reads this camera died, or cannot lock itself in."""

    code = "camera_reader"


def error_for(failed: Failed, address: StreamAddress) -> CameraError:
    """The error for what the child said of `address` last; neither holds a secret."""
    is_device = address.scheme == "v4l2"
    place = address.path or f"{address.host}:{address.port}"
    detail = f" ({failed.detail})" if failed.detail else ""
    match failed.code:
        case "missing":
            remedy = (
                "Plug the camera in; `ls /dev/v4l/by-id` shows what is there"
                if is_device
                else "Put the file there, or correct the address in nvr.toml"
            )
            return CameraMissing(f"{place} is not there", remedy=remedy)
        case "denied":
            group = "Add the recorder's user to the group video, then restart it"
            remedy = group if is_device else "Make the file readable for the recorder's user"
            return CameraDenied(f"{place} may not be opened by this user", remedy=remedy)
        case "busy":
            return CameraBusy(
                f"{place} is used by another program", remedy="End that program; `fuser` names it"
            )
        case "no_camera":
            remedy = "`ls /dev/v4l/by-id` shows the cameras; the right one mostly ends in -video-index0"
            return CameraUndecodable(f"{place} is no camera{detail}", remedy=remedy)
        case "mode":
            remedy = "Correct size, fps and format; `v4l2-ctl --list-formats-ext` shows what it offers"
            return UnsupportedStream(f"{place} does not offer this picture{detail}", remedy=remedy)
        case "codec":
            return UnsupportedStream(
                f"{place}: video as {failed.detail}",
                remedy="Choose H.264, H.265 or MJPEG",
                params={"codec": failed.detail},
            )
        case "network":
            return CameraUnreachable(
                f"{place} does not answer{detail}", remedy="Check its power, network and address"
            )
        case "login":
            remedy = "Check `username` and `password`"
            return CameraRefused(
                f"{place} refuses the login{detail}", remedy=remedy, params={"reason": "login"}
            )
        case "path":
            remedy = "Check the address"
            return CameraRefused(
                f"{place} has no such stream{detail}", remedy=remedy, params={"reason": "path"}
            )
        case "sandbox":
            remedy = "Use a kernel with Landlock and seccomp"
            return CameraReaderLost(f"its process cannot be locked in{detail}", remedy=remedy)
    remedy = "Check that it is a live MPEG-TS, FLV or MJPEG stream, or a video file"
    return CameraUndecodable(f"{place}: no video can be read from it{detail}", remedy=remedy)


def deaf(address: StreamAddress) -> CameraError:
    """Nothing came of it while it was being opened."""
    place = address.path or f"{address.host}:{address.port}"
    return CameraUnreachable(
        f"{place}: no video within {OPEN_S * 2:g} s", remedy="Check the camera, then its address"
    )
