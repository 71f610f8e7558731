# `./dev fuzz [SECONDS]`: each target under libFuzzer. Sourced by ./dev.

fuzz() {
	local seconds=${1:-60} target name status=0
	case $seconds in *[!0-9]*) die "fuzz: seconds are a number" ;; esac
	need build fuzz
	build_tree fuzz --enable-fuzzing CC=clang CFLAGS="-O1 -g"
	make -C "$build/fuzz" -s -j"$jobs" fuzzers >"$build/make-fuzz.log" 2>&1 || { tail -n 30 "$build/make-fuzz.log" >&2; die "fuzz: does not build"; }
	for target in "$top"/fuzz/fuzz_*.c; do
		name=$(basename "$target" .c)
		mkdir -p "$build/fuzz/found/$name"
		say "$name: $seconds s"
		"$build/fuzz/fuzz/$name" -max_total_time="$seconds" -max_len=65536 -timeout=10 -print_final_stats=1 \
			"$build/fuzz/found/$name" "$top/fuzz/corpus/${name#fuzz_}" >"$build/$name.log" 2>&1 ||
			{ tail -n 20 "$build/$name.log" >&2; say "$name: FAILED"; status=1; }
	done
	return $status
}
