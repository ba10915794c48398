"""Recording, finding and playing footage; see README.md."""
