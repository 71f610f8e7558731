# Out-of-tree builds under build/. Sourced by ./dev.

jobs=$(nproc 2>/dev/null || echo 2)

# build_tree NAME CONFIGURE-ARGUMENT…: build/NAME is configured and made.
build_tree() {
	local name=$1 tree="$build/$1"
	shift
	need build
	if [ ! -x "$top/configure" ] || [ "$top/configure.ac" -nt "$top/configure" ]; then
		say "bootstrap"
		quietly bootstrap "$top/bootstrap"
	fi
	mkdir -p "$tree"
	if [ ! -f "$tree/config.status" ] || [ "$top/configure" -nt "$tree/config.status" ]; then
		say "configure $name"
		(cd "$tree" && quietly "configure-$name" "$top/configure" "$@")
	fi
	say "make $name"
	quietly "make-$name" make -C "$tree" -s -j"$jobs" all
}

build_release() {
	build_tree release --enable-werror
}

build_asan() {
	build_tree asan --enable-asan --enable-werror CFLAGS="-O1 -g"
}

# quietly LOG COMMAND…: output goes to build/LOG.log and is shown only when it fails.
quietly() {
	local log="$build/$1.log"
	shift
	mkdir -p "$build"
	"$@" >"$log" 2>&1 </dev/null || {
		local status=$?
		tail -n 40 "$log" >&2
		say "failed: $* (all output: ${log#"$top"/})"
		return "$status"
	}
}
