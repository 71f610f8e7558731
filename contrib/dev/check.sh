# `./dev check`: every test, and a last line that counts them. Sourced by ./dev.

passed=0 failed=0 skipped=0

# count_tap LOG NAME STATUS: adds the lines of a TAP log; a run that planned more than it ran, or
# ended badly without a failed line, counts as one failure more.
count_tap() {
	local log=$1 name=$2 status=$3 ok bad skip planned
	skip=$(grep -cE '^ok .*# *[Ss][Kk][Ii][Pp]' "$log" || true)
	ok=$(grep -cE '^ok ' "$log" || true)
	bad=$(grep -cE '^not ok ' "$log" || true)
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log" | tail -n 1)
	if [ -n "$planned" ] && [ "$planned" = 0 ]; then
		skip=$((skip + 1)) ok=$((ok + 1))
	elif [ -z "$planned" ] || [ "$((ok + bad))" != "$planned" ] || { [ "$status" != 0 ] && [ "$bad" = 0 ]; }; then
		say "$name: ended with status $status after $((ok + bad)) of ${planned:-an unknown number of} tests"
		bad=$((bad + 1))
	fi
	passed=$((passed + ok - skip)) failed=$((failed + bad)) skipped=$((skipped + skip))
	if [ "$bad" != 0 ]; then
		grep -E '^(not ok|#)' "$log" | head -n 20 >&2
		say "$name: $ok ok, $bad failed (all output: ${log#"$top"/})"
	else
		say "$name: $ok ok${skip:+, $skip of them skipped}"
	fi
}

# tap NAME SECONDS COMMAND…: runs a TAP program, cut when it hangs.
tap() {
	local name=$1 seconds=$2 log status=0
	log=$build/check/$(printf '%s' "$name" | tr -c 'A-Za-z0-9.\n-' _).log
	shift 2
	timeout -k 10 "$seconds" "$@" >"$log" 2>&1 </dev/null || status=$?
	count_tap "$log" "$name" "$status"
}

# step NAME COMMAND…: one test that passes when the command does.
step() {
	local name=$1
	shift
	if "$@"; then
		say "$name: ok"
		passed=$((passed + 1))
	else
		say "$name: FAILED"
		failed=$((failed + 1))
	fi
}

# make_check NAME SUITE-LOG COMMAND…: the unit tests, by automake's driver; their summary is added up.
make_check() {
	local name=$1 log=$build/check/$1.log suite_log=$2 status=0 n
	shift 2
	timeout -k 10 900 "$@" >"$log" 2>&1 </dev/null || status=$?
	for n in PASS SKIP FAIL XFAIL XPASS ERROR; do
		declare "count_$n=$(sed -n "s/^# $n: *//p" "$log" | tail -n 1)"
	done
	if [ -z "${count_PASS:-}" ]; then
		tail -n 30 "$log" >&2
		say "$name: did not get to its summary"
		failed=$((failed + 1))
		return
	fi
	passed=$((passed + count_PASS + count_XFAIL)) skipped=$((skipped + count_SKIP))
	failed=$((failed + count_FAIL + count_XPASS + count_ERROR))
	if [ "$status" != 0 ]; then
		grep -E '^(FAIL|ERROR)|ERROR: (Address|Leak)Sanitizer|runtime error' "$log" \
			"$suite_log" 2>/dev/null | head -n 20 >&2
		say "$name: $count_FAIL failed, $count_ERROR errors (${suite_log#"$top"/})"
	else
		say "$name: $count_PASS ok, $count_SKIP skipped"
	fi
}

distcheck() {
	quietly distcheck timeout -k 10 900 make -C "$build/release" -j"$jobs" distcheck \
		DISTCHECK_CONFIGURE_FLAGS="CFLAGS=-O0"
}

node_packages() {
	[ -d "$build/node/node_modules" ] && [ "$build/node/package.json" -nt "$top/tests/node/package.json" ] && return 0
	mkdir -p "$build/node"
	cp "$top/tests/node/package.json" "$build/node/"
	cp "$top/tests/node/package-lock.json" "$build/node/" 2>/dev/null || true
	(cd "$build/node" && quietly npm npm install --no-audit --no-fund --ignore-scripts && touch package.json)
}

check() {
	local long=no t
	case ${1:-} in
	--long) long=yes ;;
	--suite)
		# shellcheck source=contrib/dev/suite.sh
		. "$top/contrib/dev/suite.sh"
		suite "${2:-}"
		return
		;;
	"") ;;
	*) die "check: unknown option $1" ;;
	esac
	need build serve check lint node
	# Remaining processes of a test that was cut must not outlive the run.
	mkdir -p "$build/check"
	rm -f "$build"/check/*.log
	build_release
	build_asan
	make_check make-check "$build/asan/test-suite.log" make -C "$build/asan" -j"$jobs" check
	export JB_SRCDIR=$top JB_RELEASE=$build/release JB_ASAN=$build/asan JB_NODE=$build/node JB_LONG=$long
	step "npm packages" node_packages
	for t in "$top"/tests/e2e/*.test; do
		tap "$(basename "$t")" 420 "$t"
	done
	# shellcheck source=contrib/dev/lint.sh
	. "$top/contrib/dev/lint.sh"
	lint_steps
	step "distcheck" distcheck
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	[ "$failed" = 0 ]
}
