################################################################################
#
# crc32c
#
################################################################################

CRC32C_VERSION = 1.1.2
CRC32C_SITE = $(call github,google,crc32c,$(CRC32C_VERSION))
CRC32C_LICENSE = BSD-3-Clause
CRC32C_LICENSE_FILES = LICENSE
CRC32C_INSTALL_STAGING = YES
# It asks for CMake 3.1, which CMake 4 no longer plays.
CRC32C_CONF_OPTS = \
	-DCMAKE_POLICY_VERSION_MINIMUM=3.5 \
	-DCRC32C_BUILD_BENCHMARKS=OFF \
	-DCRC32C_BUILD_TESTS=OFF \
	-DCRC32C_USE_GLOG=OFF

$(eval $(cmake-package))
