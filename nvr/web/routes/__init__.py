"""Handlers of the HTTP API, one file a noun. Who may call them stands beside each in its `ROUTES`."""
