"""Live pictures to browsers by WebRTC, behind a WHEP-shaped interface; knows nothing of `nvr`. See README.md."""
