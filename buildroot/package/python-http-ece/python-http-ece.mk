################################################################################
#
# python-http-ece
#
################################################################################

PYTHON_HTTP_ECE_VERSION = 1.2.1
PYTHON_HTTP_ECE_SOURCE = http_ece-$(PYTHON_HTTP_ECE_VERSION).tar.gz
PYTHON_HTTP_ECE_SITE = $(VILLAGE_NVR_PYTHON_FILES)/7c/af/249d1576653b69c20b9ac30e284b63bd94af6a175d72d87813235caf2482
PYTHON_HTTP_ECE_SETUP_TYPE = setuptools
PYTHON_HTTP_ECE_LICENSE = MIT

$(eval $(python-package))
