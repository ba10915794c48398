"""Finding people in pictures, in a process that can touch nothing else; see README.md."""
