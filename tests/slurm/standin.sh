#!/bin/sh
# Stands in for sbatch, squeue and scancel, by the name it is called by. The "cluster" is the
# folder beside the one it lies in: one file jobs/ID with the line "ID|submitted|state|reason|name".
#
#   mode    what sbatch does: "" takes the job, "run" runs it too; "down", "refuse"; "lost" and
#           "run lost" do as much and do not answer, "silent" does nothing and does not answer
#   queue   "down": squeue cannot reach the controller
#   calls   a line for each call of sbatch and scancel, with its arguments
set -u
top=${0%/*}/..
word() { cat "$top/$1" 2>/dev/null; }
save() { printf '%s\n' "$2" >"$top/jobs/.$1" && mv "$top/jobs/.$1" "$top/jobs/$1"; }
name=
for arg; do
	case $arg in
	--name=* | --job-name=*) name=${arg#*=} ;;
	esac
done

case ${0##*/} in
sbatch)
	mode=$(word mode)
	printf 'sbatch %s\n' "$*" >>"$top/calls"
	case $mode in
	down)
		echo "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)" >&2
		exit 1
		;;
	refuse)
		echo "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified" >&2
		exit 1
		;;
	silent) exec sleep 600 ;;
	esac
	id=$(($(word next || echo 100) + 1))
	echo $id >"$top/next"
	cat >"$top/script.$id"
	if [ "${mode%% *}" = run ]; then
		save $id "$id|2026-01-01T00:00:00|RUNNING|None|$name"
		(
			setsid sh "$top/script.$id" >/dev/null 2>&1 </dev/null
			case $? in
			0) save $id "$id|2026-01-01T00:00:00|COMPLETED|None|$name" ;;
			*) save $id "$id|2026-01-01T00:00:00|FAILED|NonZeroExitCode|$name" ;;
			esac
		) >/dev/null 2>&1 &
	else
		save $id "$id|2026-01-01T00:00:00|PENDING|Priority|$name"
	fi
	[ "${mode##* }" = lost ] && exec sleep 600
	echo "$id"
	;;
squeue)
	echo x >>"$top/polls"
	if [ "$(word queue)" = down ]; then
		echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2
		exit 1
	fi
	cat "$top"/jobs/* 2>/dev/null
	echo "7|2026-01-01T00:00:00|RUNNING|None|somebody|else's"
	;;
scancel)
	printf 'scancel %s\n' "$*" >>"$top/calls"
	for id; do :; done
	line=$(word "jobs/$id")
	[ -n "$line" ] || exit 1
	[ "${line##*|}" = "$name" ] || exit 0
	save "$id" "$id|2026-01-01T00:00:00|CANCELLED|None|$name"
	;;
*) exit 2 ;;
esac
