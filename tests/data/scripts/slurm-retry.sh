#!/bin/bash
# jupyter-featx: job iris-3f9a, 3 items, 8 workers.
# A person can submit it, too: sbatch '/home/kim/my featx/jobs/iris-3f9a/submit.sh'
#SBATCH --job-name=iris-3f9a
#SBATCH --output="/home/kim/my featx/jobs/iris-3f9a/logs/job-%j.log"
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --ntasks=8
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=8320M

part=${1:-0}
job='/home/kim/my featx/jobs/iris-3f9a'
script='/home/kim/my featx/jobs/iris-3f9a/submit.sh'
[[ $part =~ ^[0-9]+$ ]] || { echo "jupyter-featx: '$part' is no part of the job." >&2; exit 2; }
[[ ${SLURM_JOB_ID:-} ]] || { printf 'jupyter-featx: this is for Slurm. Type: sbatch %q\n' "$script" >&2; exit 2; }
umask 077
cd / || exit 1

# What a notebook server hands to its kernels, and an MPI run that it may be a part of, must not reach the ranks.
unset JPY_API_TOKEN
unset JPY_PARENT_PID
unset JPY_SESSION_NAME
unset JUPYTERHUB_API_TOKEN
unset JUPYTERHUB_OAUTH_ACCESS_SCOPES
unset JUPYTERHUB_OAUTH_SCOPES
unset JUPYTER_SERVER_URL
unset JUPYTER_TOKEN
unset MPLBACKEND
unset "${!OMPI_@}" "${!PMIX_@}" "${!PMI_@}" "${!PRTE_@}" "${!MPI_LOCAL@}" "${!HYDRA_@}" "${!HYDI_@}"


# What these wait for, in seconds; a site sets others in its setup lines.
start_seconds=${FEATX_START_SECONDS:-60}    # the first word of rank 0
silent_seconds=${FEATX_SILENT_SECONDS:-300} # another word of it; a run that works writes every ten seconds
turn_seconds=${FEATX_TURN_SECONDS:-5}       # between two looks
grace_seconds=${FEATX_GRACE_SECONDS:-15}    # for ranks that are told to end
last_seconds=${FEATX_LAST_SECONDS:-15}      # before the walltime ends, to say how it went and to submit the next run; of a short one a tenth

# When Slurm ends this run, in seconds since the epoch; nothing where that cannot be known.
walltime_end() {
    local at=${SLURM_JOB_END_TIME:-}
    if [[ ! $at =~ ^[0-9]+$ ]]; then
        at=$(timeout 10 squeue --local -h -j "$SLURM_JOB_ID" -o %e 2>/dev/null)
        [[ $at == [0-9]* ]] && at=$(date -d "$at" +%s 2>/dev/null) || at=''
    fi
    echo "$at"
}

now() { printf '%(%s)T' -1; }

exec {mpi_kinds}< <(srun --mpi=list 2>&1) # looked up meanwhile
ends_at=$(walltime_end)
if [[ $ends_at ]] && ((last_seconds * 10 > ends_at - $(now))); then last_seconds=$(((ends_at - $(now)) / 10)); fi
FEATX_ENDS_AT=${ends_at:+$((ends_at - last_seconds))}
export FEATX_NATIVE_ID=$SLURM_JOB_ID FEATX_CONTINUES=1 FEATX_ENDS_AT

# What there was before: a run that Slurm began anew has the id of the one before it, and its log.
shopt -s nullglob
known=' '
for file in "$job"/events/attempt-*.jsonl; do known+="${file##*/} "; done
log=$job/logs/job-$SLURM_JOB_ID.log
log_size=$(stat -c %s "$log" 2>/dev/null || echo 0)

image=() # what runs a command in the job's image, if it has one
rank=(/usr/bin/python3 -m mpi4py -m jupyter_featx.worker "$job" --part "$part" --retry-failed 2 --item-memory 8192)

# One rank on each node of the allocation, with all of the cores there.
start_ranks() {
    # sbatch describes its allocation in variables that srun takes for options: one task a worker, and its memory.
    unset \
        SLURM_CPUS_PER_TASK SRUN_CPUS_PER_TASK SLURM_TRES_PER_TASK SLURM_NTASKS \
        SLURM_NPROCS SLURM_NTASKS_PER_NODE SLURM_NTASKS_PER_CORE SLURM_NTASKS_PER_SOCKET \
        SLURM_NTASKS_PER_GPU SLURM_CPUS_PER_GPU SLURM_GPUS_PER_TASK SLURM_MEM_PER_CPU \
        SLURM_MEM_PER_GPU SLURM_MEM_PER_NODE SLURM_DISTRIBUTION SLURM_HINT \
        SLURM_THREADS_PER_CORE SLURM_CPU_BIND SLURM_MEM_BIND SLURM_EXACT \
        SLURM_EXCLUSIVE SLURM_OVERLAP SLURM_OVERCOMMIT SLURM_WAIT \
        SLURM_TIMELIMIT SLURM_EXPORT_ENV SRUN_EXPORT_ENV
    local mpi=pmix
    grep -qw pmix <&"$mpi_kinds" || mpi=pmi2
    exec {mpi_kinds}<&-
    # --wait=0: rank 0 has work to do when the others are done. --immediate: nodes that stay busy are no reason to wait.
    exec srun --mpi="$mpi" --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 \
        --cpu-bind=none --mem=0 --export=ALL --kill-on-bad-exit=1 --wait=0 --immediate=45 \
        "${image[@]}" "${rank[@]}"
}

# Say how a run ended that did not say so itself, and learn whether to go on: "again" or "end".
tell() {
    timeout --kill-after=10 120 "${image[@]}" /usr/bin/python3 -m jupyter_featx.worker.again "$job" --part "$part" "$@"
}

say() { printf 'jupyter-featx: %s\n' "$*" >&2; }

pause() { # a signal ends it at once, where it would wait for a sleep of the foreground
    sleep "$1" >/dev/null 2>&1 &
    sleeping=$!
    wait "$sleeping"
}

alive() { kill -0 "$ranks" 2>/dev/null; }

# The events of this run: a new file with its id in it.
own_events() {
    local file
    for file in "$job"/events/attempt-*.jsonl; do
        [[ $known == *" ${file##*/} "* ]] && continue
        head -c 4096 "$file" | grep -qF "\"native_id\":\"$FEATX_NATIVE_ID\"" && echo "$file" && return
    done
}

# Wait so many seconds for the ranks to be gone.
gone_within() {
    local turn
    for ((turn = 0; turn < $1; turn++)); do
        alive || return 0
        pause 1
    done
    ! alive
}

# srun kills its ranks when it is told to end, and can hang itself.
kill_ranks() {
    kill -s TERM "$ranks" 2>/dev/null
    gone_within 5 || kill -s KILL "$ranks" 2>/dev/null
}

# Let the ranks write what they hold.
# shellcheck disable=SC2317 # a trap calls it
end_ranks() {
    timeout 10 scancel --signal=TERM "$SLURM_JOB_ID" 2>/dev/null # to the ranks: srun itself would kill them
    gone_within "$grace_seconds" || kill_ranks
}

# Runs beside the ranks, and ends them when it must; its status is why. One look at one file a turn, none at Slurm.
watch() {
    local since=$SECONDS events='' seen='' latest verdict=0
    trap 'kill "$sleeping" 2>/dev/null; exit "$verdict"' TERM
    while ((verdict == 0)); do
        pause "$turn_seconds"
        [[ $events ]] || events=$(own_events)
        if [[ $events ]]; then
            latest=$(stat -c '%Y %s' "$events")
            [[ $latest == "$seen" ]] || { seen=$latest since=$SECONDS; }
            ((SECONDS - since <= silent_seconds)) || verdict=12
        else
            ((SECONDS - since <= start_seconds)) || verdict=11
        fi
        [[ -z $FEATX_ENDS_AT ]] || (($(now) <= FEATX_ENDS_AT + last_seconds / 3)) || verdict=13
    done
    kill_ranks
    exit "$verdict"
}

# A trapped signal ends `wait`, whose status is then not the process's own.
await() {
    signalled=yes
    while [[ $signalled ]]; do
        signalled=''
        wait "$1"
        waited=$?
    done
    return "$waited"
}

# shellcheck disable=SC2317 # a trap calls it
warned() { # Slurm's --signal: the ranks know when the walltime ends, but not when the run is preempted
    signalled=USR1
    if [[ -z $ends_at ]] || ((ends_at - $(now) > 90)); then
        say 'Slurm will end this run soon: the ranks are told'
        kill -s USR1 "$ranks" 2>/dev/null
    fi
}

# shellcheck disable=SC2317 # a trap calls it
told_to_end() {
    signalled=$1
    [[ $ended_by ]] && return
    ended_by=$1
    end_ranks &
}

# Submit the next run, which waits until this one has wholly ended. Slurm may be restarting: then try again.
# --begin overrides a directive of the job; sbatch would take "now" from the clock of this node, which can be ahead.
submit_next() {
    local patience
    for patience in 2 5 10 20 40 0; do
        answer=$(
            for name in "${!SLURM_@}"; do [[ $name == SLURM_CONF ]] || unset "$name"; done
            timeout 120 sbatch --parsable --dependency="afterany:$FEATX_NATIVE_ID" --begin=2000-01-01 "$script" "$part" 2>&1
        ) && next=$(grep -m 1 -oE '^[0-9]+' <<<"$answer") && return
        say "$answer"
        [[ $answer =~ ontact|imed\ out|onnection|emporar|ommunication ]] || break
        pause "$patience"
    done
    return 1
}

go_on() {
    local refused
    trap '' TERM # a requeue ends this script, too
    if submit_next; then
        [[ $(tell --submitted "$next") != cancel ]] || { scancel "$next"; exit 0; }
        say "goes on as Slurm job $next"
        exit 0
    fi
    refused=$answer
    tell --submitted "$FEATX_NATIVE_ID"
    answer=$(timeout 120 scontrol requeue "$FEATX_NATIVE_ID" 2>&1) && exit 0
    tell --failed "$refused; and this one could not be requeued: $answer"
    exit 1
}

# Slurm sends TERM for many reasons, and names them in the log alone: its state is COMPLETING for all of them.
why_ended() {
    tail -c +"$((log_size + 1))" "$log" 2>/dev/null | grep -a "JOB $SLURM_JOB_ID ON .* CANCELLED AT" | tail -n 1
}

# Whether Slurm itself begins this run anew.
requeued() {
    local restarts
    restarts=$(timeout 5 scontrol show job -o "$SLURM_JOB_ID" 2>/dev/null | grep -oE ' Restarts=[0-9]+')
    restarts=${restarts#*=}
    ((${restarts:-0} > ${SLURM_RESTART_COUNT:-0}))
}

after_signal() {
    case $(why_ended) in
        *'TIME LIMIT'*) reason='the walltime ended before the ranks did' ;;
        *PREEMPTION*) reason='the run was preempted' ;;
        *FAILURE*) reason='a node failed' ;;
        *' DUE TO '*) reason="${reason:-ended by SIG$ended_by}" ;;
        *) reason="CANCELLED by SIG$ended_by" ;; # scancel, or kill: whoever did it does not want it to go on
    esac
    if requeued; then
        say "$reason; Slurm begins this run anew"
        exit 143
    fi
}

# Where not even the job's Python can be run (no image, no such file), the event is written from here.
write_lost() {
    local text="$1. The log ends: "
    text+=$(tail -c 1000 "$log" 2>/dev/null | tail -n 5)
    text=$(LC_ALL=C tr -c '[:print:]' ' ' <<<"$text" | sed 's/["\\]/\\&/g')
    printf '{"event":"lost","v":1,"time":%s,"native_id":"%s","reason":"%s","state":""}\n' \
        "$(now)" "$FEATX_NATIVE_ID" "$text" >>"$job/events/script-$FEATX_NATIVE_ID.jsonl"
}

main() {
    local answer
    reason=''
    status=1 ended_by='' sleeping=''
    if [[ -z $reason ]]; then
        start_ranks </dev/null &
        ranks=$!
        watch &
        watcher=$!
        trap warned USR1
        trap 'told_to_end TERM' TERM
        trap 'told_to_end INT' INT
        await "$ranks"
        status=$?
        kill "$watcher" 2>/dev/null
        await "$watcher"
        case $? in
            11) reason="no rank spoke within $start_seconds s of its start" ;;
            12) reason="no rank said a word for $silent_seconds s" ;;
            13) reason='the walltime ended before the ranks did' ;;
            *) ((status)) && reason="the ranks ended with status $status" ;;
        esac
    fi
    [[ $ended_by ]] && after_signal
    [[ $reason ]] && say "$reason"
    answer=$(tell --status "$status" --reason "$reason")
    case ${answer##*$'\n'} in
        again) go_on ;;
        end) exit "$status" ;;
    esac
    write_lost "${reason:-the ranks are done, but nobody could say so}"
    exit $((status ? status : 1))
}

main
