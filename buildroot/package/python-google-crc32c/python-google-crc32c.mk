################################################################################
#
# python-google-crc32c
#
################################################################################

PYTHON_GOOGLE_CRC32C_VERSION = 1.9.0
PYTHON_GOOGLE_CRC32C_SOURCE = google_crc32c-$(PYTHON_GOOGLE_CRC32C_VERSION).tar.gz
PYTHON_GOOGLE_CRC32C_SITE = $(VILLAGE_NVR_PYTHON_FILES)/fa/25/9cb0c1c31c45b893eb8f11ae70b3f4309432d59b5acaebca5dbe791729a4
PYTHON_GOOGLE_CRC32C_SETUP_TYPE = setuptools
PYTHON_GOOGLE_CRC32C_LICENSE = Apache-2.0
PYTHON_GOOGLE_CRC32C_LICENSE_FILES = LICENSE
PYTHON_GOOGLE_CRC32C_DEPENDENCIES = crc32c
# Without it a failed compilation would install the slow Python code instead.
PYTHON_GOOGLE_CRC32C_ENV = CRC32C_PURE_PYTHON=0

$(eval $(python-package))
