"""Child processes that handle what strangers send: how they start, what they may, how they end."""
