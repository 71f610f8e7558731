# One board on loopback: settings, store, jinbang-web and jinbang-dispatch under a small supervisor,
# nginx. Used by `./dev serve`, the end-to-end tests and the benchmark.

server_nginx_pid="" server_supervisor_pid="" server_dispatch_pid=""

# server_settings STATE BOARD MOUNT: writes STATE/jinbang.conf.
server_settings() {
	local state=$1 board=$2 mount=$3 hub="hub = { architectures = \"$top/contrib/hub/architectures.txt\"; refresh = \"0s\"; };"
	mkdir -p "$state/run" "$state/tmp"
	cat >"$state/jinbang.conf" <<EOF
site = {
    board = "$board";
    texts = "${SERVER_TEXTS:-$top/views/texts}";
    frontend = "${SERVER_FRONTEND:-}";
    mount = "$mount";
    ${SERVER_SITE:-}
};
store = {
    path = "${SERVER_STORE:-$state/store}";
    map_size = "${SERVER_MAP_SIZE:-4G}";
    min_free = "${SERVER_MIN_FREE:-1M}";
};
run = { dir = "$state/run"; };
${SERVER_HUB-$hub}
${SERVER_SETTINGS:-}
EOF
}

# server_frontend STATE PATH: the browser files of a wheel or an unpacked front end; a folder that
# install-frontend made already is taken as it is.
server_frontend() {
	local state=$1 path=$2
	if [ -f "$path/frontend.conf" ]; then
		SERVER_FRONTEND=$(cd "$path" && pwd)
		return 0
	fi
	"$top/contrib/gradio/install-frontend" --to "$state/frontend" "$path" >&2 || return 1
	SERVER_FRONTEND=$state/frontend
}

# server_store BUILD STATE TABLE [INVERTED]: an empty store, filled from TABLE if there is one, and
# from a table whose flags say the opposite.
server_store() {
	local tree=$1 state=$2 table=$3
	[ -d "${SERVER_STORE:-$state/store}" ] && return 0
	"$tree/cli/jinbang" --config "$state/jinbang.conf" init >&2
	[ -z "$table" ] || "$tree/cli/jinbang" --config "$state/jinbang.conf" import table "$table" >&2
	[ -z "${4:-}" ] || "$tree/cli/jinbang" --config "$state/jinbang.conf" import table --invert "$4" >&2
}

# server_texts STATE: the installed texts with the sample's own in their place.
server_texts() {
	local state=$1
	mkdir -p "$state/texts"
	cp -R "$top/views/texts/." "$state/texts/"
	cp -R "$top/contrib/boards/sample/texts/." "$state/texts/"
	SERVER_TEXTS=$state/texts
}

# server_supervise BUILD STATE NAME [SETTINGS]: runs jinbang-NAME, its pid in STATE/NAME.pid. Restarts it at once
# when it dies, but once a second when it dies right at its start several times in a row (a broken
# setting, a damaged store). SIGTERM ends both, SIGHUP goes through.
server_supervise() {
	local tree=$1 state=$2 name=$3 settings=${4:-$2/jinbang.conf} pid="" stopping=no began quick=0
	trap 'stopping=yes; [ -n "$pid" ] && kill -TERM "$pid" 2>/dev/null' TERM
	trap '[ -n "$pid" ] && kill -HUP "$pid" 2>/dev/null' HUP
	while [ $stopping = no ]; do
		began=${EPOCHREALTIME/[.,]/}
		"$tree/jinbang-$name" -c "$settings" &
		pid=$!
		echo "$pid" >"$state/$name.pid"
		while kill -0 "$pid" 2>/dev/null; do wait "$pid" || true; done
		[ $stopping = no ] || break
		if [ $((${EPOCHREALTIME/[.,]/} - began)) -lt 100000 ]; then quick=$((quick + 1)); else quick=0; fi
		if [ $quick -ge 6 ]; then sleep 1; else sleep 0.02; fi
	done
}

# server_start BUILD STATE PORT MOUNT: everything runs and answers, or an error.
server_start() {
	local tree=$1 state=$2 port=$3 mount=$4 i
	"$top/contrib/nginx/render" dev --state "$state" --port "$port" --mount "$mount" \
		--socket "$state/run/web.sock" --extra "${SERVER_NGINX_EXTRA:-}" --frontend "${SERVER_FRONTEND:-}" \
		--workers "${SERVER_NGINX_WORKERS:-1}" --connections "${SERVER_NGINX_CONNECTIONS:-8192}" >"$state/nginx.conf"
	server_supervise "$tree" "$state" web >>"$state/web.log" 2>&1 &
	server_supervisor_pid=$!
	if [ "${SERVER_DISPATCH:-yes}" = yes ]; then
		server_supervise "$tree" "$state" dispatch >>"$state/dispatch.log" 2>&1 &
		server_dispatch_pid=$!
	fi
	nginx -p "$state" -c "$state/nginx.conf" -e "$state/nginx.log" >>"$state/nginx.log" 2>&1 &
	server_nginx_pid=$!
	for ((i = 0; i < 200; i++)); do
		kill -0 "$server_nginx_pid" 2>/dev/null || break
		if curl -fs -o /dev/null "http://127.0.0.1:$port$mount/healthz"; then
			return 0
		fi
		sleep 0.1
	done
	say "the server does not answer:"
	tail -n 5 "$state/web.log" "$state/dispatch.log" "$state/nginx.log" >&2
	return 1
}

server_stop() {
	local pid
	for pid in "$server_nginx_pid" "$server_supervisor_pid" "$server_dispatch_pid"; do
		[ -z "$pid" ] || kill -TERM "$pid" 2>/dev/null || true
	done
	for pid in "$server_nginx_pid" "$server_supervisor_pid" "$server_dispatch_pid"; do
		[ -z "$pid" ] || wait "$pid" 2>/dev/null || true
	done
	server_nginx_pid="" server_supervisor_pid="" server_dispatch_pid=""
}
