"""Which wall time pictures get, and footage put to its true time."""
