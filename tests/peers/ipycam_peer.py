"""ipycam (PyPI) as an ONVIF camera of somebody else: usage: ipycam_peer.py ONVIF_PORT RTSP_PORT [USER PASSWORD].

Without go2rtc, which is on neither PyPI nor Debian, it serves RTSP by itself, encoding with Debian's ffmpeg. Shows a
moving bar at 320x192 and 160x96, 15 pictures a second, until its standard input ends.
"""

import os
import sys
import threading
import time

import numpy as np
from ipycam import CameraConfig, IPCamera

WIDTH, HEIGHT, FPS = 320, 192, 15


def main() -> None:
    config = CameraConfig(
        name="peer",
        local_ip="127.0.0.1",
        onvif_port=int(sys.argv[1]),
        rtsp_port=int(sys.argv[2]),
        go2rtc_api_port=9,
        main_width=WIDTH,
        main_height=HEIGHT,
        main_fps=FPS,
        main_bitrate="1M",
        sub_width=WIDTH // 2,
        sub_height=HEIGHT // 2,
        sub_fps=FPS,
        sub_bitrate="300K",
        hw_accel="cpu",
        show_timestamp=False,
        **dict(zip(("username", "password"), sys.argv[3:], strict=False)),
    )
    camera = IPCamera(config)
    camera.start()
    print("ready", flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    number = 0
    while True:
        frame = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
        left = number * 4 % (WIDTH - 40)
        frame[:, left : left + 40] = (200, 120, 40)
        camera.stream(frame)
        number += 1
        time.sleep(1 / FPS)


if __name__ == "__main__":
    main()
