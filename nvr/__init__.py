"""Village NVR: an appliance that records cameras, recognises persons, sounds the siren and streams live.

`README.md` beside this file is the design note: the life of one access unit, the layers, the processes.
"""

__version__ = "0.1.0"
