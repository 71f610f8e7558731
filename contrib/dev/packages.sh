# Installs the packages of contrib/debian-packages. Sourced by ./dev.

# packages_of SECTION…: the names on those lines.
packages_of() {
	local section
	for section in "$@"; do
		sed -n "s/^$section: //p" "$top/contrib/debian-packages"
	done
}

package_is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]
}

# A node that did not come from Debian serves as well.
wanted_packages() {
	local section
	for section in "$@"; do
		if [ "$section" = node ] && command -v node >/dev/null && command -v npm >/dev/null; then
			continue
		fi
		packages_of "$section"
	done
}

# need SECTION…: everything on those lines is installed afterwards, or the script ends.
need() {
	local missing="" package
	command -v dpkg-query >/dev/null || {
		say "this is not Debian: install what contrib/debian-packages lists for: $*"
		return 0
	}
	for package in $(wanted_packages "$@"); do
		package_is_installed "$package" || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		die "these packages are missing:$missing
Install them as root:  apt-get install --no-install-recommends$missing"
	fi
	say "installing:$missing"
	install_quietly $missing
}

# Services that packages would start stay down while we install.
install_quietly() {
	local policy=/usr/sbin/policy-rc.d guarded=no status=0
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && guarded=yes
	fi
	mkdir -p "$build"
	{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } \
		>"$build/apt.log" 2>&1 || status=$?
	[ "$guarded" = yes ] && rm -f "$policy"
	[ "$status" = 0 ] || {
		tail -n 20 "$build/apt.log" >&2
		die "apt-get failed; all of its output is in build/apt.log"
	}
}
