#!/bin/bash
# jupyter-featx: job iris-3f9a, 3 items, 4 workers on this machine.
# A person can run it, too: bash '/home/kim/my featx/jobs/iris-3f9a/submit.sh'
part=${1:-}
umask 077
cd / || exit 1

# This run's own id: host, process, when the process started, which boot of the machine.
stat=$(</proc/$$/stat); stat=(${stat##*) })
FEATX_NATIVE_ID="$(</proc/sys/kernel/hostname)/$$/${stat[19]}/$(head -c 8 /proc/sys/kernel/random/boot_id)"
export FEATX_NATIVE_ID
unset JPY_API_TOKEN
unset JPY_PARENT_PID
unset JPY_SESSION_NAME
unset JUPYTERHUB_API_TOKEN
unset JUPYTERHUB_OAUTH_ACCESS_SCOPES
unset JUPYTERHUB_OAUTH_SCOPES
unset JUPYTER_SERVER_URL
unset JUPYTER_TOKEN
unset MPLBACKEND
# What a notebook server that runs under MPI or srun hands down would make the job join it.
unset "${!OMPI_@}" "${!PMIX_@}" "${!PMI_@}" "${!PRTE_@}" "${!MPI_LOCAL@}" "${!HYDRA_@}" "${!HYDI_@}" "${!SLURM_@}"


exec /usr/bin/python3 -m jupyter_featx.worker '/home/kim/my featx/jobs/iris-3f9a' ${part:+--part "$part"}

