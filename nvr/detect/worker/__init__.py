"""The analysis process: `python -m nvr.detect.worker FD NOTE`."""
