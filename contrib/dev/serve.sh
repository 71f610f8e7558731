# `./dev serve`: the sample board on loopback until interrupted, with a host that evaluates
# jinbang/random. Sourced by ./dev.
# shellcheck source=contrib/dev/server.sh
. "$top/contrib/dev/server.sh"
# shellcheck source=contrib/dev/host.sh
. "$top/contrib/dev/host.sh"

port_is_free() {
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

serve_stop() {
	server_stop
	host_stop
}

serve() {
	local port=8080 state="" board="" mount="" table="" dated="" frontend="" host=yes
	while [ $# -gt 0 ]; do
		case $1 in
		--port | --state | --board | --mount | --frontend)
			[ $# -ge 2 ] || die "serve: $1 wants a value"
			declare "${1#--}=$2"
			shift 2
			;;
		*) die "serve: unknown option $1" ;;
		esac
	done
	case $port in '' | *[!0-9]*) die "serve: --port wants a number" ;; esac
	case $mount in '' | /*[!/]) ;; *) die "serve: --mount starts with / and does not end with it" ;; esac
	need build serve
	build_release
	port_is_free "$port" || die "serve: port $port is taken; choose another with --port"
	if [ -z "$state" ]; then
		state=$build/serve
	fi
	mkdir -p "$state"
	state=$(cd "$state" && pwd)
	exec 9>"$state/lock"
	flock -n 9 || die "serve: another ./dev serve uses $state; choose another with --state"
	if [ -n "$board" ]; then
		[ -f "$board" ] || die "serve: $board: no such board file"
		board=$(cd "$(dirname "$board")" && pwd)/$(basename "$board")
	else
		board=$top/contrib/boards/demo.conf
		table=$top/contrib/boards/sample/gradio_mini_leaderboard_285.json
		dated=$top/contrib/boards/sample/huggingface_v1_top400.csv
		server_texts "$state"
	fi
	if [ -n "$frontend" ]; then
		server_frontend "$state" "$frontend" || die "serve: --frontend: the front end was not installed"
	fi
	SERVER_SETTINGS=$(host_settings "$state") server_settings "$state" "$board" "$mount"
	if ! "$build/release/jinbang-dispatch" -t -c "$state/jinbang.conf" >/dev/null 2>&1; then
		# if it is not the plan, the start will tell
		server_settings "$state" "$board" "$mount"
		host=no
	fi
	server_store "$build/release" "$state" "$table" "$dated"
	trap 'trap - INT TERM EXIT; say "stopping"; serve_stop; exit 0' INT TERM
	trap serve_stop EXIT
	if [ $host = yes ]; then
		host_start "$build/release" "$state" || exit 1
	else
		say "the demo's host evaluates none of this board's benchmarks: submissions wait"
	fi
	server_start "$build/release" "$state" "$port" "$mount" || exit 1
	[ $host = no ] || host_ready "$state" || exit 1
	printf 'ready http://127.0.0.1:%s%s/\n' "$port" "$mount"
	while kill -0 "$server_nginx_pid" 2>/dev/null; do
		wait "$server_nginx_pid" || true
	done
	say "nginx ended; see $state/nginx.log"
	exit 1
}
