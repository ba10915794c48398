#!/usr/bin/env bash
# post-image.sh BINARIES_DIR BOARD: makes nvr.img, and nvr.raucb where NVR_UPDATE_KEY and NVR_UPDATE_CERT name the key that
# updates are signed with. `make firmware-check` runs it on small files in place of kernel and root.
set -euo pipefail
binaries=$1 board=$2
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
version=${NVR_RELEASE:-$(sed -n 's/^NVR_VERSION = //p' "$tree/package/nvr/nvr.mk")}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fat IMAGE MIB LABEL FOLDER: a FAT file system of what is in FOLDER.
fat() {
	rm -f "$1"
	mkfs.vfat -C -n "$3" "$1" $(($2 * 1024)) >/dev/null
	mcopy -s -i "$1" "$4"/* ::
}

# fits WHAT FILE-OR-FOLDER MIB: a slot holds twice what is in it now, so that the next years' updates fit.
fits() {
	local used
	used=$(du -s --block-size=1M --apparent-size "$2" | cut -f1)
	if [ "$used" -gt "$3" ]; then
		echo "$1 has $used MiB; with more than $3 its slot (board/common/genimage.cfg) is not twice as large" >&2
		exit 1
	fi
}

mkdir "$work/boot" "$work/slot"
cp "$binaries/Image" "$work/slot/"
case $board in
rpi4_64)
	cp -r "$binaries"/rpi-firmware/* "$binaries"/bcm2711-*.dtb "$binaries/u-boot.bin" "$binaries/boot.scr" "$work/boot/"
	;;
rpi5)
	cp "$tree"/board/rpi5/boot/* "$work/boot/"
	cp -r "$binaries"/rpi-firmware/* "$binaries"/bcm2712*.dtb "$work/slot/"
	cp "$tree"/board/rpi5/slot/* "$work/slot/"
	;;
qemu_aarch64)
	cp "$binaries/boot.scr" "$work/boot/"
	;;
*)
	echo "unknown board: $board" >&2
	exit 1
	;;
esac
fits "The boot slot" "$work/slot" 48
fits "The root" "$binaries/rootfs.squashfs" 384
fat "$binaries/boot.vfat" 128 NVR-BOOT "$work/boot"
fat "$binaries/slot.vfat" 96 NVR-SLOT "$work/slot"

mkdir "$work/empty"
genimage --config "$tree/board/common/genimage.cfg" --rootpath "$work/empty" --tmppath "$work/genimage" \
	--inputpath "$binaries" --outputpath "$binaries"

if [ -z "${NVR_UPDATE_KEY:-}" ] || [ -z "${NVR_UPDATE_CERT:-}" ]; then
	echo "No bundle for updates: NVR_UPDATE_KEY and NVR_UPDATE_CERT are not set (ota/make-keys.sh)."
	exit 0
fi
mkdir "$work/bundle"
cp "$binaries/slot.vfat" "$binaries/rootfs.squashfs" "$work/bundle/"
sed -e "s/@BOARD@/$board/" -e "s/@VERSION@/$version/" "$tree/ota/manifest.raucm.in" >"$work/bundle/manifest.raucm"
rm -f "$binaries/nvr.raucb"
rauc bundle --cert "$NVR_UPDATE_CERT" --key "$NVR_UPDATE_KEY" "$work/bundle" "$binaries/nvr.raucb"
