"""The appliance as an ONVIF recorder for other platforms: SOAP, its authentication, the Device and Media services."""
