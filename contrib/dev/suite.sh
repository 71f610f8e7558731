# `./dev check --suite NAME`: builds and tests in a chroot of another Debian, as root. Sourced by ./dev.

# suite_mirror: where this machine gets its packages.
suite_mirror() {
	sed -n -e 's/^URIs: *\([^ ]*\).*/\1/p' -e 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' \
		/etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | head -n 1
}

# suite_root NAME ROOT: a Debian with what contrib/debian-packages lists for build and check, without a
# browser; made once, and anew when the list changes.
suite_root() {
	local name=$1 root=$2 packages
	packages="curl $(packages_of build check | tr ' ' '\n' | grep -vE '^(chromium|fonts-)' | tr '\n' ' ')"
	if [ "$(cat "$root/made-of" 2>/dev/null)" = "$packages" ]; then return 0; fi
	command -v debootstrap >/dev/null || install_quietly debootstrap || return 1
	say "making a chroot of $name in ${root#"$top"/}"
	rm -rf "$root"
	mkdir -p "$root"
	quietly "debootstrap-$name" debootstrap --variant=minbase "$name" "$root" "$(suite_mirror)" || return 1
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod +x "$root/usr/sbin/policy-rc.d"
	# shellcheck disable=SC2086 # a list
	quietly "packages-$name" "${suite_run[@]}" "$root" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends $packages || return 1
	printf '%s\n' "$packages" >"$root/made-of"
}

# In front of a command: it runs in the chroot that follows, whose /proc is there as long as it runs.
# shellcheck disable=SC2016 # for the inner shell
suite_run=(unshare --mount sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" env LC_ALL=C.UTF-8 "$@"')

# suite_copy ROOT: the sources as they are in the working tree; nothing of an earlier build, whose
# files may be younger than what was changed since it began.
suite_copy() {
	rm -rf "$1/src" "$1/build"
	mkdir -p "$1/src" "$1/build"
	git -C "$top" ls-files -z --cached --others --exclude-standard |
		(cd "$top" && while IFS= read -r -d '' file; do [ -e "$file" ] && printf '%s\0' "$file"; done |
			tar -c --null --no-recursion -T -) |
		tar -x -C "$1/src"
}

# suite NAME: the unit tests, and those of certificates and TLS, with the libraries of that Debian.
suite() {
	local name=$1 root=$build/suite/$1 t
	case $name in *[!a-z]* | "") die "check: --suite takes the name of a Debian, such as trixie" ;; esac
	count_begin
	if [ "$(id -u)" != 0 ]; then
		say "suite $name: skipped, a chroot needs root"
		tally 0 0 1
	elif ! suite_root "$name" "$root"; then
		say "suite $name: FAILED, there is no chroot"
		tally 0 1 0
	else
		suite_copy "$root"
		step "suite $name: build" quietly "suite-$name" "${suite_run[@]}" "$root" /src/contrib/dev/suite-build
		for t in tls ca; do
			tap "$name-$t.test" 420 "${suite_run[@]}" "$root" env JB_SRCDIR=/src JB_ASAN=/build JB_RELEASE=/build \
				"/src/tests/e2e/$t.test"
		done
		make_check "make-check-$name" "$root/build/test-suite.log" "${suite_run[@]}" "$root" make -C /build -j"$jobs" check
	fi
	count_end
}
