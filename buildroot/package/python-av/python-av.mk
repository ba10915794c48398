################################################################################
#
# python-av
#
################################################################################

PYTHON_AV_VERSION = 18.1.0
PYTHON_AV_SOURCE = av-$(PYTHON_AV_VERSION)-cp311-abi3-manylinux_2_28_aarch64.whl
PYTHON_AV_SITE = $(VILLAGE_NVR_PYTHON_FILES)/d9/84/2464ffb64c08c5ce8b522c8e74594714414e3b0575267652c5c51c0574b9
PYTHON_AV_SETUP_TYPE = pep517
PYTHON_AV_LICENSE = BSD-3-Clause, LGPL-3.0+ (FFmpeg), GPL-2.0+ (x264, x265)
PYTHON_AV_LICENSE_FILES = av-$(PYTHON_AV_VERSION).dist-info/licenses/LICENSE.txt

PYTHON_AV_EXTRACT_CMDS = $(VILLAGE_NVR_EXTRACT_WHEEL)
PYTHON_AV_BUILD_CMDS = true

$(eval $(python-package))
