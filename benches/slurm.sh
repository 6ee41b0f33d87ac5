#!/usr/bin/env bash
# An array job of four shards on a real Slurm of one node, merged, against one run of the whole.
#
#   apt-get install slurm-wlm          # Debian: slurmctld, slurmd, munged
#   cargo build --release && benches/slurm.sh target/release/weighbridge
#
# Needs root. Without systemd: proctrack/linuxproc and task/none. The array's ids start at 3, so that
# they are not mistaken for an index. Everything lives in a temporary folder and is stopped at the end.
set -euo pipefail

binary=$(realpath "${1:-target/release/weighbridge}")
for program in munged slurmctld slurmd sbatch; do
  command -v "$program" >/dev/null || { echo "SKIPPED: $program is not installed"; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "SKIPPED: needs root"; exit 0; }

work=$(mktemp -d)
host=$(hostname -s)
export SLURM_CONF="$work/slurm.conf"
stop() {
  for pid in "$work"/*.pid /run/munge/munged.pid; do
    [ -f "$pid" ] && kill "$(cat "$pid")" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap stop EXIT
mkdir -p "$work"/{state,spool,job} /run/munge
cat > "$SLURM_CONF" <<CONF
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
[ -f /etc/munge/munge.key ] || mungekey --create
chown munge: /run/munge
[ -S /run/munge/munge.socket.2 ] && munge -n >/dev/null 2>&1 \
  || su -s /bin/sh munge -c "/usr/sbin/munged --force"
slurmctld
until scontrol ping | grep -q UP; do sleep 0.2; done
slurmd
until sinfo --noheader --states=idle | grep -q idle; do sleep 0.2; done

cd "$work/job"
plan="--virtual --steady --limit 200"
cat > shards.sbatch <<JOB
#!/bin/bash
#SBATCH --array=3-6
#SBATCH --output=shard-%a.log
cd "\$SLURM_SUBMIT_DIR"
"$binary" run $plan --shard env --resume --out "shards/\$SLURM_ARRAY_TASK_ID"
JOB
cat > merge.sbatch <<JOB
#!/bin/bash
#SBATCH --output=merge.log
cd "\$SLURM_SUBMIT_DIR"
"$binary" merge shards/* --out merged
JOB
array=$(sbatch --parsable shards.sbatch)
sbatch --wait --dependency=afterok:"$array" merge.sbatch >/dev/null
grep -h "^  shard" shard-*.log
# shellcheck disable=SC2086 # several flags
"$binary" run $plan --out whole >/dev/null 2>&1

echo "== Slurm array of 4 on one node against the single run"
missed=0
for file in summary.csv latency.csv weights.json; do
  if cmp -s "whole/$file" "merged/$file"; then echo "   $file: the same  PASS"
  else echo "   $file: differs  MISS"; missed=1; fi
done
exit $missed
