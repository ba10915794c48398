# Where the package index keeps its files: as the packages of Buildroot have it, up to /packages.
VILLAGE_NVR_PYTHON_FILES = $(firstword $(subst /packages/,/packages ,$(PYTHON_IFADDR_SITE)))

# Of a package whose source is a wheel: python-package installs what lies in dist/. See "Wheels" in README.md.
define VILLAGE_NVR_EXTRACT_WHEEL
	mkdir -p $(@D)/dist
	cp $($(PKG)_DL_DIR)/$($(PKG)_SOURCE) $(@D)/dist/
	$(UNZIP) -d $(@D) $(@D)/dist/$($(PKG)_SOURCE) '*.dist-info/licenses/*'
endef

include $(sort $(wildcard $(BR2_EXTERNAL_VILLAGE_NVR_PATH)/package/*/*.mk))
