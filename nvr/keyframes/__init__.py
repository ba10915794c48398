"""Cameras are asked for a keyframe when somebody waits for one and the next is far away."""
