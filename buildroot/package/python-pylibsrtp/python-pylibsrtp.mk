################################################################################
#
# python-pylibsrtp
#
################################################################################

PYTHON_PYLIBSRTP_VERSION = 1.0.0
PYTHON_PYLIBSRTP_SOURCE = pylibsrtp-$(PYTHON_PYLIBSRTP_VERSION).tar.gz
PYTHON_PYLIBSRTP_SITE = $(VILLAGE_NVR_PYTHON_FILES)/0d/a6/6e532bec974aaecbf9fe4e12538489fb1c28456e65088a50f305aeab9f89
PYTHON_PYLIBSRTP_SETUP_TYPE = setuptools
PYTHON_PYLIBSRTP_LICENSE = BSD-3-Clause
PYTHON_PYLIBSRTP_LICENSE_FILES = LICENSE
# The binding links libcrypto, which libsrtp uses where it is there.
PYTHON_PYLIBSRTP_DEPENDENCIES = host-python-cffi libsrtp openssl

$(eval $(python-package))
