# For the end-to-end tests: a board of its own on a free port, and TAP. Sourced.
# JB_SRCDIR is the source tree, JB_ASAN and JB_RELEASE are build trees.

top=$JB_SRCDIR
build=$top/build
say() { printf '# %s\n' "$*"; }
# shellcheck source=contrib/dev/server.sh
. "$top/contrib/dev/server.sh"

tree=${JB_TREE:-$JB_ASAN}
tap_count=0 tap_bad=0

# ok NAME COMMAND…: one line of TAP.
ok() {
	local name=$1
	shift
	tap_count=$((tap_count + 1))
	if "$@"; then
		printf 'ok %d - %s\n' "$tap_count" "$name"
	else
		printf 'not ok %d - %s\n' "$tap_count" "$name"
		tap_bad=$((tap_bad + 1))
	fi
}

skip() {
	tap_count=$((tap_count + 1))
	printf 'ok %d # SKIP %s\n' "$tap_count" "$1"
}

finish() {
	printf '1..%d\n' "$tap_count"
	[ "$tap_bad" = 0 ]
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Nothing here asks a hub in the world, and nobody waits long for one that is not there. A test
# that has one of its own says so in these.
SUBMIT_SETTINGS='submit = { wait = "300ms"; };'
HUB_SETTINGS="hub = { url = \"http://127.0.0.1:9\"; allow_private = true; refresh = \"0s\"; architectures = \"$top/contrib/hub/architectures.txt\"; };"

# hub_begin [OPTION…]: the stand-in hub; a board that begins later asks it, with more of hub.* in HUB_MORE.
# Sets hub_url.
hub_pid="" hub_out=""
hub_begin() {
	local i
	hub_out=$(mktemp "${TMPDIR:-/tmp}/jinbang-hub.XXXXXX")
	python3 "$top/tests/hub/hub.py" "$@" >"$hub_out" 2>&1 </dev/null &
	hub_pid=$!
	trap 'hub_end' EXIT
	for ((i = 0; i < 100; i++)); do
		grep -q '^[0-9][0-9]*$' "$hub_out" && break
		sleep 0.1
	done
	hub_url=http://127.0.0.1:$(head -n 1 "$hub_out")
	HUB_SETTINGS="hub = { url = \"$hub_url\"; allow_private = true; redirect_hosts = [ \"127.0.0.2\" ]; refresh = \"${HUB_REFRESH:-0s}\";
		architectures = \"$top/contrib/hub/architectures.txt\"; ${HUB_MORE:-} };"
	[ "$i" -lt 100 ] || { say "the stand-in hub does not start:"; sed 's/^/# /' "$hub_out"; return 1; }
}
hub_end() {
	[ -z "$hub_pid" ] || kill -TERM "$hub_pid" 2>/dev/null
	[ -z "$hub_out" ] || rm -f "$hub_out"
	hub_pid="" hub_out=""
}

# begin [MOUNT]: starts a board with the sample table; sets url, state, port.
begin() {
	local mount=${1:-}
	state=$(mktemp -d "${TMPDIR:-/tmp}/jinbang-e2e.XXXXXX")
	chmod 755 "$state"
	port=$(free_port)
	url=http://127.0.0.1:$port$mount
	trap 'server_stop; hub_end; rm -rf "$state"' EXIT
	trap 'exit 1' INT TERM
	# A sanitizer's report is a failure even when nobody looks at the log.
	export ASAN_OPTIONS=exitcode=99:log_path=$state/asan UBSAN_OPTIONS=print_stacktrace=1:log_path=$state/asan
	server_texts "$state"
	SERVER_HUB="$HUB_SETTINGS" SERVER_SETTINGS="$SUBMIT_SETTINGS ${SERVER_SETTINGS:-}" \
		server_settings "$state" "${BOARD:-$top/contrib/boards/mini-leaderboard.conf}" "$mount"
	server_store "$tree" "$state" "${TABLE-$top/contrib/boards/sample/gradio_mini_leaderboard_285.json}" 2>&1 | sed 's/^/# /'
	server_start "$tree" "$state" "$port" "$mount"
}

jinbang() { "$tree/cli/jinbang" --config "$state/jinbang.conf" "$@"; }

web_pid() { cat "$state/web.pid"; }

no_sanitizer_report() { ! ls "$state"/asan.* >/dev/null 2>&1 || { head -n 30 "$state"/asan.* | sed 's/^/# /'; return 1; }; }

# status URL-PATH [curl options]: the status code.
status() {
	local path=$1
	shift
	curl -s -m 20 -o /dev/null -w '%{http_code}' "$@" "$url$path"
}
is_status() {
	local want=$1 got
	shift
	got=$(status "$@")
	[ "$got" = "$want" ] || { say "got $got for $1"; return 1; }
}
body() {
	local path=$1
	shift
	curl -s -m 20 "$@" "$url$path"
}
header() { # PATH NAME [curl options]
	local path=$1 name=$2
	shift 2
	curl -s -m 20 -o /dev/null -D - "$@" "$url$path" | tr -d '\r' | sed -n "s/^$name: //Ip" | tail -n 1
}
has() { # TEXT, in standard input
	grep -qF -- "$1"
}
json_post() { # PATH JSON
	curl -s -m 20 -X POST -H 'Content-Type: application/json' --data-binary "$2" "$url$1"
}

# run NAME COMMAND…: every line of a TAP program becomes one of ours.
run() {
	local name=$1 line status=0
	shift
	"$@" >"$state/tap" 2>&1 || status=$?
	while IFS= read -r line; do
		case $line in
		"ok "* | "not ok "*)
			tap_count=$((tap_count + 1))
			case $line in not*) tap_bad=$((tap_bad + 1)); printf 'not ok %d - %s:%s\n' "$tap_count" "$name" "${line#* - }" ;; *) printf 'ok %d - %s: %s\n' "$tap_count" "$name" "${line#* - }" ;; esac
			;;
		1..*) ;;
		*) printf '# %s\n' "${line#\# }" ;;
		esac
	done <"$state/tap"
	ok "$name ran to its end" grep -q '^1\.\.' "$state/tap"
	[ "$status" = 0 ] || say "$name ended with $status"
}

# within SECONDS COMMAND…: it becomes true.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# ---- hosts: jinbang-ca and jinbang-agent beside a board ----

ca_pid=""
# hosts_settings: pki and ca of a board that has hosts, for SERVER_SETTINGS before begin(); the state
# is not known yet then, so paths count from the folder of jinbang.conf.
hosts_settings() {
	printf 'pki = { dir = "pki"; control = "control"; %s };\nca = { clients = ["%s"]; rate = 1000; };\n' \
		"${1:-}" "$(id -u)"
}

# ca_begin: root, issuers, jinbang-ca and the dispatcher's certificate.
ca_begin() {
	jinbang pki init --root-out "$state/offline" >/dev/null || return 1
	ca_start && jinbang pki issue dispatcher >/dev/null
}
ca_start() {
	"$tree/jinbang-ca" -c "$state/jinbang.conf" >>"$state/ca.log" 2>&1 &
	ca_pid=$!
	within 30 test -S "$state/run/ca.sock"
}
ca_end() {
	[ -z "$ca_pid" ] || { kill "$ca_pid" && wait "$ca_pid"; } 2>/dev/null
	ca_pid=""
}

# host_begin NAME [SETTING…]: an agent on a port of its own, enrolled and answering. Further lines
# go into its agent.conf; plans of $state/harness. host_enrol: it is not started yet. Where it is not
# on loopback, host_address and host_port say where it listens, host_url where the dispatcher
# connects to, and host_inside is a command that runs others there.
declare -A agent_pids=()
host_begin() {
	host_enrol "$@" && agent_start "$1"
}
host_enrol() {
	local name=$1 dir port=${host_port:-$(free_port)} address=${host_address:-127.0.0.1} token
	shift
	dir=$state/host-$name
	mkdir -p "$dir"
	{
		printf 'listen = { address = "%s:%s"; };\ntls = { dir = "%s/tls"; };\nspool = { dir = "%s/spool"; min_free = "1M"; };\n' \
			"$address" "$port" "$dir" "$dir"
		printf 'plans = { file = "%s/harness/plans.conf"; };\n%s\n' "$state" "${*:-}"
	} >"$dir/agent.conf"
	token=$(jinbang host add "$name" --json | jq -r .token)
	printf '%s\n' "$token" >"$dir/token"
	${host_inside:-} "$tree/jinbang-agent" enrol "$name" -c "$dir/agent.conf" <"$dir/token" >"$dir/enrol.log" 2>&1 &
	agent_pids[$name]=$!
	within 30 grep -q Waiting "$dir/enrol.log" || { sed 's/^/# /' "$dir/enrol.log"; return 1; }
	jinbang host enrol "$name" "https://${host_url:-$address:$port}" >"$dir/enrolled.log" 2>&1 ||
		{ sed 's/^/# /' "$dir/enrolled.log"; return 1; }
	wait "${agent_pids[$name]}" || return 1
	agent_pids[$name]=""
}
agent_start() { # NAME
	"$tree/jinbang-agent" -c "$state/host-$1/agent.conf" >>"$state/host-$1/agent.log" 2>&1 &
	agent_pids[$1]=$!
}
agent_kill() { # NAME [SIGNAL]
	kill "-${2:-KILL}" "${agent_pids[$1]}" 2>/dev/null
	wait "${agent_pids[$1]}" 2>/dev/null
	agent_pids[$1]=""
}
# Agents, and what they left running: shims outlive their agent.
hosts_end() {
	local name lease
	for name in "${!agent_pids[@]}"; do
		[ -z "${agent_pids[$name]}" ] || agent_kill "$name" TERM
	done
	for lease in "$state"/host-*/spool/attempts/*/; do
		[ -d "$lease" ] && : >"$lease/cancel"
	done
	ca_end
}

# ---- `./dev serve` ----

# serve_up DIR [OPTION…]: as ./dev calls it, with what is built already; sets serve_pid. DIR has the
# state in s, and what it says in out and err.
serve_pid=""
serve_up() {
	local dir=$1
	shift
	rm -f "$dir/out"
	JB_TOP=$top JB_BUILD=$(dirname "$JB_RELEASE") bash -c 'set -euo pipefail
		top=$JB_TOP build=$JB_BUILD
		say() { printf "%s\n" "$*" >&2; }
		die() { say "dev: $*"; exit 1; }
		need() { :; }
		build_release() { :; }
		. "$top/contrib/dev/serve.sh"
		serve "$@"' serve --state "$dir/s" "$@" >"$dir/out" 2>"$dir/err" &
	serve_pid=$!
	within 60 eval "grep -q '^ready ' '$dir/out' || ! kill -0 $serve_pid"
	grep -q '^ready ' "$dir/out" || { sed 's/^/# /' "$dir/err"; return 1; }
}
serve_down() { # and wait
	[ -n "$serve_pid" ] || return 0
	kill -TERM "$serve_pid" 2>/dev/null
	wait "$serve_pid"
	serve_pid=""
}
