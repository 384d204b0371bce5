#!/bin/sh
# Creates a job and waits for its end: examples/create-and-wait.sh [image URL] [purpose]
# VISION_URL names the API (http://localhost:3000 if not set), VISION_TOKEN the bearer token (none is needed locally).
# Needs curl and node. Runs in sh, bash and zsh.
set -eu
api=${VISION_URL:-http://localhost:3000}
image=${1:-data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQAY3Y2wAAAAAElFTkSuQmCC}
purpose=${2:-Announce the spring sale}

# Every call alike; curl fails on a refusal and prints what the API says of it.
call() { curl --silent --show-error --fail-with-body ${VISION_TOKEN:+--header "Authorization: Bearer $VISION_TOKEN"} "$@"; }
# One field of a JSON object, by its path.
field() { node -pe 'process.argv[2].split(".").reduce((value, name) => value?.[name], JSON.parse(process.argv[1])) ?? ""' "$1" "$2"; }
body() { node -pe 'JSON.stringify({ imageUrl: process.argv[1], analysisPurpose: process.argv[2], outputFormat: "social_post", language: "en" })' "$1" "$2"; }

# The answer comes when the job has ended, or after 25 seconds with the job as it is then.
job=$(call --header 'Content-Type: application/json' --header 'Prefer: wait=25' --data "$(body "$image" "$purpose")" "$api/v1/jobs")
id=$(field "$job" jobId)
while :; do
  state=$(field "$job" status)
  echo "job $id: $state, $(field "$job" progress) %" >&2
  case $state in completed | failed | cancelled) break ;; esac
  # A read that waits answers at the next change.
  job=$(call --header 'Prefer: wait=25' "$api/v1/jobs/$id")
done
echo "$job"
[ "$state" = completed ]
