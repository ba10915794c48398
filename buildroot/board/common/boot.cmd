# U-Boot: chooses the slot and starts its kernel. README.md, "Choosing a slot"; the variables are RAUC's.
#
# The board's own settings (board/*/uboot.fragment) set devtype and devnum and load this from the first partition.

test -n "${BOOT_ORDER}" || setenv BOOT_ORDER "A B"
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT 3
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT 3
test -n "${BOOT_GOOD}" || setenv BOOT_GOOD A

# The first in the order that has attempts left; it costs one, which is on the disk before the kernel starts.
setenv slot
for each in "${BOOT_ORDER}"; do
	if test -n "${slot}"; then
		true
	elif test "${each}" = "A"; then
		if test "0x${BOOT_A_LEFT}" -gt 0; then
			setexpr BOOT_A_LEFT "${BOOT_A_LEFT}" - 1
			setenv slot A
			saveenv
		fi
	elif test "${each}" = "B"; then
		if test "0x${BOOT_B_LEFT}" -gt 0; then
			setexpr BOOT_B_LEFT "${BOOT_B_LEFT}" - 1
			setenv slot B
			saveenv
		fi
	fi
done

# None has: the last that was good is started all the same, as often as it takes. Nothing is written any more.
if test -z "${slot}"; then
	echo "No attempts left in ${BOOT_ORDER}, starting the last good slot ${BOOT_GOOD}"
	setenv slot "${BOOT_GOOD}"
fi
# A slot whose kernel cannot even be loaded gives way to the other one, now.
if test "${slot}" = "B"; then
	setenv candidates "B A"
else
	setenv candidates "A B"
fi
for slot in ${candidates}; do
	if test "${slot}" = "B"; then
		setenv part 3
		setenv root root-b
	else
		setenv part 2
		setenv root root-a
	fi
	echo "Slot ${slot}"
	if load "${devtype}" "${devnum}:${part}" "${kernel_addr_r}" Image; then
		setenv bootargs "root=PARTLABEL=${root} rootfstype=squashfs rootwait ro fsck.repair=yes systemd.gpt_auto=no rauc.slot=${slot} ${board_args}"
		booti "${kernel_addr_r}" - "${fdt_addr}"
	fi
done
reset
