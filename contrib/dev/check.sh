# `./dev check`: every test, and a last line that counts them. Sourced by ./dev.

# What runs beside each other counts in files: passed, failed and skipped of one test in a line, and
# what failed in words, for the end of the output.
count_begin() {
	mkdir -p "$build/check"
	: >"$build/check/counts"
	: >"$build/check/failures"
}
tally() { printf '%d %d %d\n' "$1" "$2" "$3" >>"$build/check/counts"; }
failure() { printf '%.150s\n' "$*" >>"$build/check/failures"; }

# The last lines of the output; fails when anything did.
count_end() {
	local passed failed skipped
	read -r passed failed skipped < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$build/check/counts")
	[ ! -s "$build/check/failures" ] || { say "failed:"; head -n 12 "$build/check/failures" | sed 's/^/  /' >&2; }
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	[ "$failed" = 0 ]
}

# count_tap LOG NAME STATUS SECONDS: adds the lines of a TAP log; a run that planned more than it ran,
# or ended badly without a failed line, counts as one failure more.
count_tap() {
	local log=$1 name=$2 status=$3 seconds=$4 ok bad skip planned ended=""
	skip=$(grep -cE '^ok .*# *[Ss][Kk][Ii][Pp]' "$log" || true)
	ok=$(grep -cE '^ok ' "$log" || true)
	bad=$(grep -cE '^not ok ' "$log" || true)
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$log" | tail -n 1)
	if [ -n "$planned" ] && [ "$planned" = 0 ]; then
		skip=$((skip + 1)) ok=$((ok + 1))
	elif [ -z "$planned" ] || [ "$((ok + bad))" != "$planned" ] || { [ "$status" != 0 ] && [ "$bad" = 0 ]; }; then
		ended="ended with status $status after $((ok + bad)) of ${planned:-an unknown number of} tests"
		failure "$name: $ended"
		bad=$((bad + 1))
	fi
	tally $((ok - skip)) "$bad" "$skip"
	if [ "$bad" != 0 ]; then
		grep -E '^not ok' "$log" | while IFS= read -r line; do failure "$name: $line"; done
		{ grep -E '^(not ok|#)' "$log" || true; } | head -n 20 >&2
		say "$name: $ok ok, $bad failed in $seconds s${ended:+, $ended} (all output: ${log#"$top"/})"
	else
		say "$name: $ok ok, $skip of them skipped, $seconds s"
	fi
}

# tap NAME SECONDS COMMAND…: runs a TAP program, cut when it hangs.
tap() {
	local name=$1 seconds=$2 log status=0 began=$SECONDS
	log=$build/check/$(printf '%s' "$name" | tr -c 'A-Za-z0-9.\n-' _).log
	shift 2
	timeout -k 10 "$seconds" "$@" >"$log" 2>&1 </dev/null || status=$?
	count_tap "$log" "$name" "$status" $((SECONDS - began))
}

# step NAME COMMAND…: one test that passes when the command does.
step() {
	local name=$1 began=$SECONDS
	shift
	if "$@"; then
		say "$name: ok, $((SECONDS - began)) s"
		tally 1 0 0
	else
		say "$name: FAILED"
		failure "$name"
		tally 0 1 0
	fi
}

# make_check NAME SUITE-LOG COMMAND…: the unit tests, by automake's driver; their summary is added up.
make_check() {
	local name=$1 log=$build/check/$1.log suite_log=$2 status=0 n began=$SECONDS
	shift 2
	timeout -k 10 900 "$@" >"$log" 2>&1 </dev/null || status=$?
	for n in PASS SKIP FAIL XFAIL XPASS ERROR; do
		declare "count_$n=$(sed -n "s/^# $n: *//p" "$log" | tail -n 1)"
	done
	if [ -z "${count_PASS:-}" ]; then
		tail -n 30 "$log" >&2
		say "$name: did not get to its summary"
		failure "$name: did not get to its summary"
		tally 0 1 0
		return
	fi
	tally $((count_PASS + count_XFAIL)) $((count_FAIL + count_XPASS + count_ERROR)) "$count_SKIP"
	if [ "$status" != 0 ]; then
		{ grep -E '^(FAIL|ERROR)|ERROR: (Address|Leak)Sanitizer|runtime error' "$log" "$suite_log" 2>/dev/null || true; } |
			head -n 20 >&2
		unit_failures "$name" "$log" "$suite_log"
		say "$name: $count_FAIL failed, $count_ERROR errors (${suite_log#"$top"/})"
	else
		say "$name: $count_PASS ok, $count_SKIP skipped, $((SECONDS - began)) s"
	fi
}

# unit_failures NAME LOG: which unit tests, and the line of the source where.
unit_failures() {
	{ grep -hE '^(FAIL|ERROR): ' "$2" || true; } | sort -u | while IFS= read -r line; do failure "$1: $line"; done
	{ grep -hE '^# .*error: Failure|^# *\[   LINE   \]' "$2" "${3:-$2}" 2>/dev/null || true; } | sort -u | head -n 4 |
		while IFS= read -r line; do failure "$1: $line"; done
}

distcheck() {
	quietly distcheck timeout -k 10 900 make -C "$build/release" -j"$jobs" distcheck \
		DISTCHECK_CONFIGURE_FLAGS="CFLAGS=-O0" && return 0
	unit_failures distcheck "$build/distcheck.log" "$build"/release/jinbang-*/_build/sub/test-suite.log
	return 1
}

node_packages() {
	[ -d "$build/node/node_modules" ] && [ "$build/node/package.json" -nt "$top/tests/node/package.json" ] && return 0
	mkdir -p "$build/node"
	cp "$top/tests/node/package.json" "$build/node/"
	cp "$top/tests/node/package-lock.json" "$build/node/" 2>/dev/null || true
	(cd "$build/node" && quietly npm npm install --no-audit --no-fund --ignore-scripts && touch package.json)
}

# The end-to-end tests, one more at a time than there are processors, as they mostly wait; those that take
# longest first, so that none of them is what everything waits for at the end.
long_tests="certificates host_kill evaluate cuts slurm simulation clients submit_kill submit queue_pages"
end_to_end() {
	local t running=0 list="" limit=420
	[ "$JB_LONG" = no ] || limit=3600
	for t in $long_tests; do
		[ ! -e "$top/tests/e2e/$t.test" ] || list+=" $t"
	done
	for t in "$top"/tests/e2e/*.test; do
		t=$(basename "$t" .test)
		case " $list " in *" $t "*) ;; *) list+=" $t" ;; esac
	done
	for t in $list; do
		[ "$running" -le "$jobs" ] || { wait -n || true; running=$((running - 1)); }
		tap "$t.test" "$limit" "$top/tests/e2e/$t.test" &
		running=$((running + 1))
	done
	wait
}

check() {
	local long=no lint_pid
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
	# tests/e2e/slurm.test is for root, and skipped without these
	[ "$(id -u)" != 0 ] || need slurm
	# Remaining processes of a test that was cut must not outlive the run.
	count_begin
	rm -f "$build"/check/*.log
	build_release
	build_asan
	export JB_SRCDIR=$top JB_RELEASE=$build/release JB_ASAN=$build/asan JB_NODE=$build/node JB_LONG=$long
	make_check make-check "$build/asan/test-suite.log" make -C "$build/asan" -j"$jobs" check
	step "npm packages" node_packages
	# What only computes takes the time that the tests leave.
	(
		renice -n 19 -p "$BASHPID" >/dev/null
		# shellcheck source=contrib/dev/lint.sh
		. "$top/contrib/dev/lint.sh"
		lint_steps
	) &
	lint_pid=$!
	(end_to_end)
	step "distcheck" distcheck
	wait "$lint_pid"
	count_end
}
