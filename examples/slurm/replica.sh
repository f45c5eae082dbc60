#!/usr/bin/env bash
# One replica: starts vLLM on a free port, lists its address once it answers, and takes it off the list at the end.
set -euo pipefail
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')
mine=servers/$SLURM_JOB_ID-$SLURM_PROCID

all() {
    cat servers/* 2> /dev/null || true
}

# Each writes a file of its own, and the list is moved into place: nobody reads half of it. Another may have moved an
# older one there in the meantime, and so it is looked at again.
list() {
    until all | cmp --silent - servers.txt; do
        all > "servers.txt.$SLURM_JOB_ID-$SLURM_PROCID"
        mv "servers.txt.$SLURM_JOB_ID-$SLURM_PROCID" servers.txt
    done
}

end() {
    rm -f "$mine"
    list
    kill "$server" 2> /dev/null || true
    wait "$server" || true
}

mkdir -p servers
vllm serve "$MODEL" --host 0.0.0.0 --port "$port" --scheduling-policy priority --enable-prompt-tokens-details &
server=$!
trap end EXIT
trap 'exit 143' TERM INT

until curl --fail --silent --output /dev/null "http://$SLURMD_NODENAME:$port/health"; do
    kill -0 "$server" || exit 1
    sleep "${LOOK_SECONDS:-5}"
done
echo "http://$SLURMD_NODENAME:$port/v1" > "$mine"
list
wait "$server"
