#!/bin/sh
# machines.sh DIR [ARCH...]: lets this kernel run other kinds' programs by
# emulators, and makes in DIR/ARCH a root with that kind's busybox from Debian. As
# root.
set -eu
dir=$1
shift
register() { # once for all: the kernel keeps the emulator open, so that roots need none
	[ -e /proc/sys/fs/binfmt_misc/register ] || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
	[ -e "/proc/sys/fs/binfmt_misc/qemu-$1" ] || cat "/usr/lib/binfmt.d/qemu-$1.conf" >/proc/sys/fs/binfmt_misc/register
}
for kind in aarch64 arm riscv64 ppc64le s390x mips64el loongarch64; do
	register "$kind"
done
for arch; do
	root=$dir/$arch
	[ ! -x "$root/bin/sh" ] || continue
	state=$dir/apt-$arch
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$root"
	: >"$state/status"
	apt() {
		apt-get -q -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o APT::Sandbox::User=root \
			-o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" "$@"
	}
	apt update >/dev/null
	(cd "$state" && apt download busybox-static >/dev/null)
	dpkg-deb -x "$state"/busybox-static_*.deb "$root"
	mkdir -p "$root/proc" "$root/dev" "$root/tmp" "$root/etc"
	for name in $("$root/bin/busybox" --list); do
		[ "$name" = busybox ] || ln -sf busybox "$root/bin/$name"
	done
	printf '#!/bin/sh\nexec sh "$@"\n' >"$root/bin/bash"
	chmod 755 "$root/bin/bash"
	rm -rf "$state"
done
