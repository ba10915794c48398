#!/usr/bin/env bash
# post-build.sh TARGET_DIR BOARD: what Buildroot runs when all packages are installed and the overlays copied.
set -euo pipefail
target=$1

# Only what is signed by this authority is ever installed. ota/make-keys.sh makes one.
if [ -z "${NVR_UPDATE_CA:-}" ]; then
	echo "Set NVR_UPDATE_CA to the certificate of the authority that updates are signed under (ota/make-keys.sh)." >&2
	exit 1
fi
install -D -m 0644 "$NVR_UPDATE_CA" "$target/etc/rauc/keyring.pem"

# Mount points lie on the read-only root: where a disk is missing, nothing can be written in its place.
mkdir -p "$target"/{boot,data,var} "$target"/disks/{1,2,3,4}
