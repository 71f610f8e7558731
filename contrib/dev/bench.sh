# `./dev bench`: ratios to nginx serving a static file of the same size, pair by pair. Absolute
# figures mean little on a shared machine. Sourced by ./dev.
# shellcheck source=contrib/dev/server.sh
. "$top/contrib/dev/server.sh"

bench_pairs=5 bench_seconds=2 bench_connections=64

# wrk_rate URL [wrk options]: "rate p50 p99" (ms); dies when the load was not answered.
wrk_rate() {
	local url=$1 out
	shift
	out=$(wrk -t1 -c"$bench_connections" -d"${bench_seconds}s" --latency "$@" "$url")
	if printf '%s' "$out" | grep -q 'Non-2xx'; then
		[ "${bench_304:-no}" = yes ] || die "bench: $url: $(printf '%s' "$out" | grep Non-2xx)"
	fi
	printf '%s\n' "$out" | awk '
		function ms(t) { if (t ~ /us$/) return t / 1000; if (t ~ /ms$/) return t + 0; return t * 1000 }
		/ 50%/ { p50 = ms($2) } / 99%/ { p99 = ms($2) } /^Requests\/sec/ { rate = $2 }
		END { if (rate < 20) exit 1; printf "%.1f %.2f %.2f\n", rate, p50, p99 }' || die "bench: $url: too little was answered"
}

median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

# record NAME VALUE UNIT REFERENCE RATIO
record() {
	printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$build/bench.tsv"
	printf '%-34s %12s %-6s %12s  %s\n' "$@"
}

# static_file NAME BYTES: a file of that size under /bench-static/.
static_file() {
	python3 -c 'import base64, os, sys; n = int(sys.argv[1]); sys.stdout.buffer.write(base64.b64encode(os.urandom(n))[:n])' "$2" >"$state/www/bench-static/$1"
}

# pair NAME SIZE URL [wrk options]: five pairs against a static file of SIZE bytes.
pair() {
	local name=$1 size=$2 url=$3 i ours theirs ratios="" rates="" references="" p50s="" p99s=""
	shift 3
	local bytes=$size
	static_file "$bytes" "$size"
	for ((i = 0; i < bench_pairs; i++)); do
		theirs=$(bench_304=no wrk_rate "$base/bench-static/$bytes")
		ours=$(wrk_rate "$url" "$@")
		rates+="${ours%% *}"$'\n' references+="${theirs%% *}"$'\n'
		p50s+="$(echo "$ours" | cut -d' ' -f2)"$'\n' p99s+="$(echo "$ours" | cut -d' ' -f3)"$'\n'
		ratios+="$(awk -v a="${ours%% *}" -v b="${theirs%% *}" 'BEGIN { printf "%.3f", a / b }')"$'\n'
	done
	record "$name" "$(printf %s "$rates" | median)" req/s "$(printf %s "$references" | median)" \
		"$(printf %s "$ratios" | median) (p50 $(printf %s "$p50s" | median) ms, p99 $(printf %s "$p99s" | median) ms, $size bytes)"
}

# round_trips NAME: join + data with 16 clients, against two GETs of a 1 KB file.
round_trips() {
	local name=$1 i ours theirs ratios="" rates="" references=""
	command -v node >/dev/null || { say "bench: no node: $name left out"; return 0; }
	local bytes=1024
	static_file "$bytes" 1024
	for ((i = 0; i < bench_pairs; i++)); do
		theirs=$(node "$top/bench/roundtrip.mjs" "$base" 16 "$bench_seconds" static /bench-static/$bytes)
		ours=$(node "$top/bench/roundtrip.mjs" "$base" 16 "$bench_seconds")
		rates+="${ours%% *}"$'\n' references+="${theirs%% *}"$'\n'
		ratios+="$(awk -v a="${ours%% *}" -v b="${theirs%% *}" 'BEGIN { printf "%.3f", a / b }')"$'\n'
	done
	record "$name" "$(printf %s "$rates" | median)" rt/s "$(printf %s "$references" | median)" \
		"$(printf %s "$ratios" | median) ($ours)"
}

size_of() { curl -s -o /dev/null -w '%{size_download}' "$@"; }

bench_board() { # LABEL TABLE
	local label=$1 table=$2 pid began port i
	state=$(mktemp -d "${TMPDIR:-/tmp}/jinbang-bench.XXXXXX")
	chmod 755 "$state"
	mkdir -p "$state/www/bench-static"
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	base=http://127.0.0.1:$port
	SERVER_NGINX_EXTRA="location /bench-static/ { root $state/www; gzip off; }"
	server_settings "$state" "$top/contrib/boards/mini-leaderboard.conf" ""
	server_store "$build/release" "$state" "$table" >&2
	server_start "$build/release" "$state" "$port" ""
	pid=$(cat "$state/web.pid")
	record "$label rows" "$(curl -s "$base/metrics" | sed -n 's/^jinbang_board_rows //p')" rows - -
	# Start: from exec to the first answer, the socket polled each millisecond.
	local starts=""
	for ((i = 0; i < 5; i++)); do
		mkdir -p "$state/two/run"
		sed "s#$state/run#$state/two/run#" "$state/jinbang.conf" >"$state/two/jinbang.conf"
		began=$(date +%s%N)
		"$build/release/jinbang-web" -c "$state/two/jinbang.conf" 2>/dev/null &
		local second=$!
		until [ -S "$state/two/run/web.sock" ]; do sleep 0.001; done
		starts+="$(( ($(date +%s%N) - began) / 1000 ))"$'\n'
		kill "$second"; wait "$second" 2>/dev/null || true
	done
	record "$label start" "$(printf %s "$starts" | median | awk '{ printf "%.1f", $1 / 1000 }')" ms - -
	local gz=(-H 'Accept-Encoding: gzip') etag body=$state/body.json
	pair "$label / gzip" "$(size_of "${gz[@]}" "$base/")" "$base/" "${gz[@]}"
	pair "$label /zh/ gzip" "$(size_of "${gz[@]}" "$base/zh/")" "$base/zh/" "${gz[@]}"
	pair "$label /config gzip" "$(size_of "${gz[@]}" "$base/config")" "$base/config" "${gz[@]}"
	pair "$label /config plain" "$(size_of "$base/config")" "$base/config"
	pair "$label /info gzip" "$(size_of "${gz[@]}" "$base/info")" "$base/info" "${gz[@]}"
	etag=$(curl -s -D - -o /dev/null "${gz[@]}" "$base/config" | tr -d '\r' | sed -n 's/^ETag: //p')
	bench_304=yes pair "$label 304" 1024 "$base/config" "${gz[@]}" -H "If-None-Match: $etag"
	printf '{"data":[null,null,null,null,null,null,""]}' >"$body"
	BENCH_BODY=$body pair "$label filter, all rows" \
		"$(size_of -X POST -H 'Content-Type: application/json' --data-binary "@$body" "$base/run/update_table")" \
		"$base/run/update_table" -s "$top/bench/post.lua"
	printf '{"data":[null,null,null,null,null,null,"%s"]}' "$([ "$label" = 285 ] && echo rhea || echo '-777-')" >"$body"
	BENCH_BODY=$body pair "$label filter, few rows" 1024 "$base/run/update_table" -s "$top/bench/post.lua"
	record "$label resident" "$(awk '/VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$pid/status")" MiB - "after the load"
	server_stop
	if [ "$label" = 285 ]; then
		# The work of a round trip, without the wait that keeps a stream open for a next call.
		SERVER_SETTINGS='gradio = { close_grace = "0ms"; };'
		server_settings "$state" "$top/contrib/boards/mini-leaderboard.conf" ""
		SERVER_SETTINGS=""
		server_start "$build/release" "$state" "$port" ""
		round_trips "$label join + data, no grace"
		server_stop
	fi
	rm -rf "$state"
}

# The fields of `wrk_rate URL`, medians of the pairs: sets rate, p50 and p99.
filter_times() {
	local i line rates="" p50s="" p99s=""
	for ((i = 0; i < bench_pairs; i++)); do
		line=$(BENCH_BODY=$state/body.json wrk_rate "$base/run/update_table" -s "$top/bench/post.lua")
		rates+="$(echo "$line" | cut -d' ' -f1)"$'\n' p50s+="$(echo "$line" | cut -d' ' -f2)"$'\n' p99s+="$(echo "$line" | cut -d' ' -f3)"$'\n'
	done
	rate=$(printf %s "$rates" | median) p50=$(printf %s "$p50s" | median) p99=$(printf %s "$p99s" | median)
}

mib_of() { awk -v what="$2:" '$1 == what { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }

# COUNT open streams for SECONDS behind an nginx with two workers, filter calls before and beside.
bench_streams() {
	local count=$1 seconds=$2 port pid client rate p50 p99 alone nginx=0 worker status=0
	state=$(mktemp -d "${TMPDIR:-/tmp}/jinbang-bench.XXXXXX")
	chmod 755 "$state"
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	base=http://127.0.0.1:$port bench_connections=8
	SERVER_NGINX_WORKERS=2 SERVER_NGINX_CONNECTIONS=18000
	# No function takes minutes, so what holds the queue streams open is the grace after the last event.
	SERVER_SETTINGS='gradio = { close_grace = "10m"; };'
	server_settings "$state" "$top/contrib/boards/mini-leaderboard.conf" ""
	server_store "$build/release" "$state" "$top/contrib/boards/sample/gradio_mini_leaderboard_285.json" >&2
	server_start "$build/release" "$state" "$port" ""
	pid=$(cat "$state/web.pid")
	printf '{"data":[null,null,null,null,null,null,"rhea"]}' >"$state/body.json"
	record "resident before" "$(mib_of "$pid" VmRSS)" MiB - -
	filter_times
	alone=$p99
	record "filter calls alone" "$rate" req/s - "(p50 $p50 ms, p99 $p99 ms, $bench_connections connections)"
	node "$top/bench/streams.mjs" "$base" "$count" "$seconds" >"$state/streams.out" 2>&1 &
	client=$!
	until grep -q '^ready' "$state/streams.out"; do
		kill -0 "$client" 2>/dev/null || die "bench: $(cat "$state/streams.out")"
		sleep 0.2
	done
	record "open streams" "$(curl -s "$base/metrics" | sed -n 's/^jinbang_gradio_streams //p')" streams "$count" "(opened in $(sed -n 's/^ready //p' "$state/streams.out") ms)"
	filter_times
	record "filter calls beside them" "$rate" req/s - "p99 $(awk -v a="$p99" -v b="$alone" 'BEGIN { printf "%.2f", a / b }') times that alone (p50 $p50 ms, p99 $p99 ms)"
	wait "$client" || status=$?
	record "lost" "$(sed -n 's/.*lost //p' "$state/streams.out")" - - "$(sed -n 's/^\(held .*\); lost.*/\1/p' "$state/streams.out")"
	[ -s "$state/streams.out" ] && grep -q '^held' "$state/streams.out" || die "bench: $(cat "$state/streams.out")"
	record "resident, most" "$(mib_of "$pid" VmHWM)" MiB - "(now $(mib_of "$pid" VmRSS) MiB)"
	for worker in $(pgrep -P "$server_nginx_pid"); do
		nginx=$(awk -v a="$nginx" -v b="$(mib_of "$worker" VmHWM)" 'BEGIN { printf "%.1f", a + b }')
	done
	record "nginx, both workers, most" "$nginx" MiB - -
	server_stop
	rm -rf "$state"
	return "$status"
}

bench() {
	local table
	case ${1:-} in
	streams)
		need build serve bench node
		build_release
		: >"$build/bench.tsv"
		trap 'server_stop; rm -rf "${state:-}"' EXIT
		bench_streams "${2:-10000}" "${3:-120}"
		return
		;;
	dispatch)
		need build
		build_release
		"$build/release/bench/schedule" "${@:2}"
		return
		;;
	--quick) bench_pairs=3 bench_seconds=1 ;;
	"") ;;
	*) die "bench: unknown option $1" ;;
	esac
	need build serve bench node
	build_release
	: >"$build/bench.tsv"
	trap 'server_stop; rm -rf "${state:-}"' EXIT
	printf '%-34s %12s %-6s %12s  %s\n' what value unit reference ratio
	bench_board 285 "$top/contrib/boards/sample/gradio_mini_leaderboard_285.json"
	table=$(mktemp "${TMPDIR:-/tmp}/jinbang-bench.XXXXXX.csv")
	python3 "$top/bench/generate.py" 10000 "$table"
	bench_board 10000 "$table"
	rm -f "$table"
}
