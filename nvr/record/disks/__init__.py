"""All recording disks as one."""
