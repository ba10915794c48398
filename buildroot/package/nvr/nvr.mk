################################################################################
#
# nvr
#
################################################################################

NVR_VERSION = 0.1.0
NVR_SITE = $(realpath $(BR2_EXTERNAL_VILLAGE_NVR_PATH)/..)
NVR_SITE_METHOD = local
NVR_SETUP_TYPE = setuptools
NVR_LICENSE = Apache-2.0
NVR_LICENSE_FILES = LICENSE

# What else lies beside the sources: environments, caches and recordings of the demo.
NVR_OVERRIDE_SRCDIR_RSYNC_EXCLUSIONS = \
	--exclude=/.venv \
	--exclude=/.cache \
	--exclude=/build \
	--exclude=/buildroot \
	--exclude=/demo-data \
	--exclude=/tests

# The number is fixed: files on the state and data partitions outlive the system that made them.
define NVR_USERS
	nvr 900 nvr 900 * - - audio,dialout,video Village NVR
endef

$(eval $(python-package))
