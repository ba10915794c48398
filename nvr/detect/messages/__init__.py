"""What the service and the analysis process tell each other: bounded, and validated."""
