# For cuts.test and host_kill.test: a board whose evaluations go through tests/agent/storm.py. Sourced.

# storm_begin MODELS LOW HIGH SETTINGS: a board with jinbang-ca and leases of seconds, whose models take that long and
# need no hub, with these of evaluate.*; agent_more for host_enrol. The seed is in $seed.
storm_begin() {
	kept=$(mktemp -d "${TMPDIR:-/tmp}/jinbang-storm.XXXXXX")
	chmod 755 "$kept"
	mkdir "$kept/points"
	export JINBANG_FAILPOINTS=$kept/points
	python3 "$top/tests/harness/standin.py" --install "$kept/harness" &&
		python3 -B "$top/tests/agent/storm.py" models "$1" "$2" "$3" "$seed" >"$kept/models" || return 1
	TABLE=""
	BOARD=$kept/board.conf
	cat >"$BOARD" <<-END
		title = "Storm";
		benchmarks = (
		    { key = "arc"; header = "ARC"; name = "ARC"; url = ""; shots = 25; metric = "acc_norm"; tasks = [ "arc_challenge" ]; baseline = 25.0; },
		    { key = "c_sem_v1"; header = "C-SEM"; name = "C-SEM v1"; url = ""; shots = 0; metric = "acc"; baseline = 25.0;
		      tasks = [ "c_sem_v1-LLSRC", "c_sem_v1-SLPWC" ]; }
		);
		types = ( { key = "pretrained"; icon = "🟢"; label = "pretrained"; zh = "预训练"; }, { key = "unknown"; icon = "?"; label = ""; zh = "未知"; } );
		precisions = [ "float16" ];
		sizes = ( { label = "?"; above = -1; to = 0; }, { label = "any"; above = 0; to = 10000; } );
	END
	SUBMIT_SETTINGS="submit = { builtin = [ $(sed 's/.*/"&"/' "$kept/models" | paste -sd,) ]; wait = \"300ms\"; };"
	SERVER_SETTINGS="$(hosts_settings)
evaluate = { plans = [ \"harness-b281b09\" ]; plans_file = \"$kept/harness/plans.conf\"; wall = \"60s\"; attempts = 1000;
	restart = \"1s\"; renew = \"400ms\"; retry_first = \"200ms\"; retry_most = \"600ms\"; $4 };"
	agent_more='jobs = { slots = 3; grace = "500ms"; }; engine = { nvidia_smi = ""; };'
	begin || return 1
	ln -s "$kept/harness" "$state/harness"
	mv "$kept/models" "$state/models"
	say "seed $seed"
	ok "jinbang-ca runs" ca_begin
}

storm_end() {
	hosts_end
	server_stop
	[ -z "${JB_KEEP:-}" ] || cp -R "$state" "$JB_KEEP"
	rm -rf "$state" "$kept"
}

storm_over() {
	ok "no connection that broke off was taken for a refused certificate" eval '! grep "certificates are not" "$state/dispatch.log"'
	ok "no sanitizer complained" no_sanitizer_report
	server_stop
	finish
}
