"""Cameras served again to other recorders: who may fetch them, and RTSP."""
