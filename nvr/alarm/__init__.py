"""When the siren sounds, when staff are called, and what is kept of it; see README.md."""
