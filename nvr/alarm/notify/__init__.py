"""Tells people and systems outside of the page about incidents: webhook, MQTT, Web Push."""
