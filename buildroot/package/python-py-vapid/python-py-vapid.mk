################################################################################
#
# python-py-vapid
#
################################################################################

PYTHON_PY_VAPID_VERSION = 1.9.6
PYTHON_PY_VAPID_SOURCE = py_vapid-$(PYTHON_PY_VAPID_VERSION)-py2.py3-none-any.whl
PYTHON_PY_VAPID_SITE = $(VILLAGE_NVR_PYTHON_FILES)/6b/46/8843d8e00eb4fcece8e12c109ecf5b17a3d4cc9355dab23c2585cb51ed3c
PYTHON_PY_VAPID_SETUP_TYPE = pep517
PYTHON_PY_VAPID_LICENSE = MPL-2.0
PYTHON_PY_VAPID_LICENSE_FILES = py_vapid-$(PYTHON_PY_VAPID_VERSION).dist-info/licenses/LICENSE

PYTHON_PY_VAPID_EXTRACT_CMDS = $(VILLAGE_NVR_EXTRACT_WHEEL)
PYTHON_PY_VAPID_BUILD_CMDS = true

$(eval $(python-package))
