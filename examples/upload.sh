#!/bin/sh
# Uploads an image file and creates a job with it: examples/upload.sh photo.jpg [purpose]
# VISION_URL names the API (http://localhost:3000 if not set), VISION_TOKEN the bearer token (none is needed locally).
# Needs curl and node. Runs in sh, bash and zsh.
set -eu
api=${VISION_URL:-http://localhost:3000}
if [ ! -f "${1:-}" ]; then
  echo "${1:+There is no file $1. }Usage: examples/upload.sh photo.jpg [purpose]" >&2
  exit 2
fi
file=$1
purpose=${2:-Describe the product for our shop}
case $file in
  *.png | *.PNG) type=image/png ;;
  *.jpg | *.jpeg | *.JPG | *.JPEG) type=image/jpeg ;;
  *.webp | *.WEBP) type=image/webp ;;
  *.heic | *.HEIC) type=image/heic ;;
  *.heif | *.HEIF) type=image/heif ;;
  *) echo "$file is no PNG, JPEG, WebP or HEIC" >&2; exit 2 ;;
esac

call() { curl --silent --show-error --fail-with-body ${VISION_TOKEN:+--header "Authorization: Bearer $VISION_TOKEN"} "$@"; }
field() { node -pe 'JSON.parse(process.argv[1])[process.argv[2]]' "$1" "$2"; }
json='Content-Type: application/json'

grant=$(call --header "$json" --data "{\"contentType\":\"$type\",\"bytes\":$(wc -c <"$file" | tr -d ' ')}" "$api/v1/uploads")

# The form's fields first and the file last, as S3 wants them. They go to curl as a config file, which no shell splits.
node -e '
  const { url, fields } = JSON.parse(process.argv[1])
  const quote = (text) => JSON.stringify(text)
  for (const [name, value] of Object.entries(fields)) console.log(`form-string = ${quote(`${name}=${value}`)}`)
  console.log(`form = ${quote(`file=@"${process.argv[2].replace(/["\\]/g, "\\$&")}"`)}`)
  console.log(`url = ${quote(url)}`)
' "$grant" "$file" | curl --silent --show-error --fail-with-body --config -

body=$(node -pe 'JSON.stringify({ imageUrl: process.argv[1], analysisPurpose: process.argv[2], outputFormat: "product_description" })' \
  "$(field "$grant" imageUrl)" "$purpose")
job=$(call --header "$json" --header 'Prefer: wait=25' --data "$body" "$api/v1/jobs")
echo "$job"
[ "$(field "$job" status)" = completed ]
