"""The subcommands of `nvr`; each module has `register` and `run`."""
