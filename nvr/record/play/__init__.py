"""Which part of which file somebody wants to see."""
