# One host on loopback beside the board of server.sh: keys, jinbang-ca and a jinbang-agent that runs the
# random baseline, enrolled the first time by the same commands as a real one. Used by `./dev serve`.

host_name=demo host_ca_pid="" host_agent_pid="" host_enrol_pid="" host_spool="" host_temporary=""

# host_settings STATE: what jinbang.conf needs for it.
host_settings() {
	cat <<EOF
pki = { dir = "$1/pki"; control = "$1/control"; };
ca = { clients = [ "$(id -u)" ]; rate = 1000; };
evaluate = { plans = [ "random-baseline" ]; plans_file = "$top/contrib/harness/plans.conf";
    canary = [ "c_sem_v1=21.25" ]; # what the baseline scores with its seed
    renew = "500ms"; suspect = "5s"; retry_first = "5s"; };
EOF
}

# host_try SECONDS COMMAND…: until it succeeds.
host_try() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

host_failed() { # STATE
	say "the host does not answer:"
	tail -n 5 "$1"/ca.log "$1"/agent/*.log "$1/dispatch.log" >&2
	return 1
}

# host_shows STATE EXPRESSION: what `jinbang host show` says of it, as `d`, in Python.
host_shows() {
	"$host_tree/cli/jinbang" --config "$1/jinbang.conf" host show "$host_name" --json 2>/dev/null |
		python3 -c "import json, sys, datetime; d = json.load(sys.stdin); now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S'); sys.exit(not ($2))" 2>/dev/null
}

# host_users STATE PORT: where jobs run and as whom; sets host_spool and host_uid.
host_users() {
	local state=$1
	host_spool=$state/agent host_uid=-1
	if [ "$(id -u)" != 0 ]; then
		say "NOT ISOLATED: jobs run as you do and could read the keys under $state; start as root for a user of their own"
	else
		# a number for this agent alone: whatever runs under it is ended with a job
		host_uid=$((1000000 + 4 * $2))
		if ! setpriv --reuid=$host_uid --regid=$host_uid --clear-groups test -x "$host_spool" 2>/dev/null; then
			host_temporary=$(mktemp -d "${TMPDIR:-/tmp}/jinbang-serve.XXXXXX")
			host_spool=$host_temporary
			chmod 711 "$host_spool"
			say "jobs run in $host_spool: other users cannot enter $state"
		fi
	fi
	# plans name programs beside them, which the job's user must be able to read
	rm -rf "$host_spool/harness"
	cp -R "$top/contrib/harness" "$host_spool/harness"
	chmod -R u+w,a+rX "$host_spool/harness"
}

host_conf() { # STATE PORT
	cat >"$1/agent/agent.conf" <<EOF
listen = { address = "127.0.0.1:$2"; };
tls = { dir = "$1/agent/tls"; };
spool = { dir = "$host_spool/spool"; min_free = "1M"; };
plans = { file = "$host_spool/harness/plans.conf"; allow = [ "random-baseline" ]; };
jobs = { slots = 2; first_uid = $host_uid; grace = "2s"; };
engine = { nvidia_smi = ""; };
EOF
}

# host_keys STATE: the board's own CA, once; jinbang-ca; a certificate for the dispatcher.
host_keys() {
	local state=$1
	if [ ! -e "$state/pki.made" ]; then
		rm -rf "$state/pki" "$state/offline" "$state/control" "$state/agent"
		"$host_tree/cli/jinbang" --config "$state/jinbang.conf" pki init --root-out "$state/offline" >"$state/pki.log" 2>&1 || return 1
		: >"$state/pki.made"
	fi
	rm -f "$state/run/ca.sock"
	server_supervise "$host_tree" "$state" ca >>"$state/ca.log" 2>&1 &
	host_ca_pid=$!
	host_try 20 test -S "$state/run/ca.sock" || return 1
	"$host_tree/cli/jinbang" --config "$state/jinbang.conf" pki issue dispatcher >>"$state/pki.log" 2>&1
}

# host_enrol STATE PORT: as contrib/deploy/README tells it for a real host.
host_enrol() {
	local state=$1 port=$2 token
	"$host_tree/cli/jinbang" --config "$state/jinbang.conf" host remove "$host_name" --yes >/dev/null 2>&1 || true
	token=$("$host_tree/cli/jinbang" --config "$state/jinbang.conf" host add "$host_name" 2>>"$state/agent/enrol.log" |
		sed -n "s/^ *jinbang-agent enrol $host_name //p")
	[ -n "$token" ] || return 1
	: >"$state/agent/enrol.log"
	"$host_tree/jinbang-agent" enrol -c "$state/agent/agent.conf" "$host_name" <<<"$token" >>"$state/agent/enrol.log" 2>&1 &
	host_enrol_pid=$!
	host_try 20 grep -q '^Waiting' "$state/agent/enrol.log" &&
		"$host_tree/cli/jinbang" --config "$state/jinbang.conf" host enrol "$host_name" "https://127.0.0.1:$port" >>"$state/agent/enrol.log" 2>&1 ||
		return 1
	wait "$host_enrol_pid" || return 1
	host_enrol_pid=""
	echo "$port" >"$state/agent/port"
}

# host_enrolled STATE: it was, its port is free, and its certificate did not end while nothing ran.
host_enrolled() {
	[ -s "$1/agent/port" ] && [ -s "$1/agent/tls/identity.pem" ] && port_is_free "$(cat "$1/agent/port")" &&
		host_shows "$1" "d['state'] in ('active', 'draining', 'quarantined') and (d['certificate_until'] or '') > now"
}

# host_start BUILD STATE: after server_store, before server_start.
host_start() {
	local tree=$1 state=$2 port
	host_tree=$tree host_log_from=$(stat -c %s "$state/dispatch.log" 2>/dev/null || echo 0)
	host_keys "$state" || { host_failed "$state"; return 1; }
	mkdir -p "$state/agent"
	chmod 711 "$state/agent"
	if host_enrolled "$state"; then
		port=$(cat "$state/agent/port")
		host_users "$state" "$port"
		host_conf "$state" "$port"
	else
		port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
		host_users "$state" "$port"
		host_conf "$state" "$port"
		host_enrol "$state" "$port" || { host_failed "$state"; return 1; }
	fi
	server_supervise "$tree" "$state" agent "$state/agent/agent.conf" >>"$state/agent/agent.log" 2>&1 &
	host_agent_pid=$!
}

# host_ready STATE: the dispatcher of this start has heard of it, which takes all of them.
host_hears() {
	tail -c "+$((host_log_from + 1))" "$1/dispatch.log" | grep -qF "host $host_name answers"
}
host_ready() {
	host_try 30 host_hears "$1" || host_failed "$1"
}

# Jobs outlive their agent; here they end with it.
host_stop() {
	local pid dir p args
	for pid in "$host_agent_pid" "$host_ca_pid" "$host_enrol_pid"; do
		[ -z "$pid" ] || kill -TERM "$pid" 2>/dev/null || true
	done
	for pid in "$host_agent_pid" "$host_ca_pid" "$host_enrol_pid"; do
		[ -z "$pid" ] || wait "$pid" 2>/dev/null || true
	done
	host_agent_pid="" host_ca_pid="" host_enrol_pid=""
	[ -n "$host_spool" ] || return 0
	for p in /proc/[0-9]*; do
		mapfile -d '' -t args 2>/dev/null <"$p/cmdline" || continue
		[ "${args[1]:-}" = shim ] && [[ ${args[2]:-} == "$host_spool"/spool/* ]] || continue
		kill -TERM "${p#/proc/}" 2>/dev/null || true
	done
	for dir in "$host_spool"/spool/attempts/*/; do
		[ ! -e "$dir/lock" ] || flock -w 10 "$dir/lock" true || true
	done
	[ -z "$host_temporary" ] || rm -rf "$host_temporary"
	host_spool="" host_temporary=""
}
