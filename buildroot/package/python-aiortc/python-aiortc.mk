################################################################################
#
# python-aiortc
#
################################################################################

PYTHON_AIORTC_VERSION = 1.16.0
PYTHON_AIORTC_SOURCE = aiortc-$(PYTHON_AIORTC_VERSION).tar.gz
PYTHON_AIORTC_SITE = $(VILLAGE_NVR_PYTHON_FILES)/d6/19/4deceaea278a70c57c9b045ecc3a5a85ce37d3e6679195b1d2161694d577
PYTHON_AIORTC_SETUP_TYPE = setuptools
PYTHON_AIORTC_LICENSE = BSD-3-Clause
PYTHON_AIORTC_LICENSE_FILES = LICENSE

$(eval $(python-package))
