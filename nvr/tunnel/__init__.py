"""The way in from outside: a WireGuard tunnel from the appliance out to a hub, through which phones come back."""
