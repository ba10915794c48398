################################################################################
#
# python-ai-edge-litert
#
################################################################################

PYTHON_AI_EDGE_LITERT_VERSION = 2.3.0
PYTHON_AI_EDGE_LITERT_SOURCE = ai_edge_litert-$(PYTHON_AI_EDGE_LITERT_VERSION)-cp314-cp314-manylinux_2_27_aarch64.whl
PYTHON_AI_EDGE_LITERT_SITE = $(VILLAGE_NVR_PYTHON_FILES)/3b/16/49b1997efd47ac188c8eb23473c328ad9e2ddb4dd1f14bb44628074aa169
PYTHON_AI_EDGE_LITERT_SETUP_TYPE = pep517
PYTHON_AI_EDGE_LITERT_LICENSE = Apache-2.0
PYTHON_AI_EDGE_LITERT_LICENSE_FILES = ai_edge_litert-$(PYTHON_AI_EDGE_LITERT_VERSION).dist-info/licenses/LICENSE

PYTHON_AI_EDGE_LITERT_EXTRACT_CMDS = $(VILLAGE_NVR_EXTRACT_WHEEL)
PYTHON_AI_EDGE_LITERT_BUILD_CMDS = true

# Neither the service nor the analysis loads them; together 17 MB.
define PYTHON_AI_EDGE_LITERT_REMOVE_ACCELERATOR
	rm -f $(TARGET_DIR)/usr/lib/python$(PYTHON3_VERSION_MAJOR)/site-packages/ai_edge_litert/libLiteRtWebGpuAccelerator.so
endef
PYTHON_AI_EDGE_LITERT_POST_INSTALL_TARGET_HOOKS += PYTHON_AI_EDGE_LITERT_REMOVE_ACCELERATOR

$(eval $(python-package))
