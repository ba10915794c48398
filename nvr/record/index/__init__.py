"""index.db: what lies where; made anew from the files."""
