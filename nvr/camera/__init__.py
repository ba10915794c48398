"""RTSP in (cameras) and out (players, the simulator); see README.md."""
