"""Our files: written, read, and a span of them as one MP4."""
