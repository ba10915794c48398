"""The object detector: its weights, and the runtime that computes with them; see MODEL_CARD.md."""
