################################################################################
#
# python-pywebpush
#
################################################################################

PYTHON_PYWEBPUSH_VERSION = 2.5.0
PYTHON_PYWEBPUSH_SOURCE = pywebpush-$(PYTHON_PYWEBPUSH_VERSION).tar.gz
PYTHON_PYWEBPUSH_SITE = $(VILLAGE_NVR_PYTHON_FILES)/54/ff/db9efe7454d329bfa6fe433e0f881eb9d28489fc4b8427ee2fbaedc5f42b
PYTHON_PYWEBPUSH_SETUP_TYPE = setuptools
PYTHON_PYWEBPUSH_LICENSE = MPL-2.0
PYTHON_PYWEBPUSH_LICENSE_FILES = LICENSE

$(eval $(python-package))
