"""One recording disk at work: its directory, its thread, its queue."""
