// Uploads every image of a folder, has a text made for each and prints them as CSV:
//   node examples/batch.ts photos/ "Describe the product for our shop" > texts.csv
// VISION_URL names the API (http://localhost:3000 if not set), VISION_TOKEN the bearer token (none is needed locally).
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'

const [folder, purpose = 'Describe the product for our shop'] = process.argv.slice(2)
if (!folder) {
  console.error('Usage: node examples/batch.ts <folder> [purpose]')
  process.exit(2)
}
const api = process.env.VISION_URL ?? 'http://localhost:3000'
const token = process.env.VISION_TOKEN
const types: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.heic': 'image/heic',
}

interface Job {
  jobId: number
  status: string
  error: { code: string; message: string } | null
  outputs?: { content?: { result: { name?: string; tagline?: string; description?: string } } }
}

async function call<T>(
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
) {
  const response = await fetch(api + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const answer = (await response.json()) as T & { detail?: string }
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${answer.detail}`)
  return answer
}

/** @returns the `imageUrl` of the upload */
async function upload(bytes: Buffer, contentType: string): Promise<string> {
  const grant = await call<{ url: string; fields: Record<string, string>; imageUrl: string }>('/v1/uploads', {
    body: { contentType, bytes: bytes.length },
  })
  const form = new FormData()
  for (const [name, value] of Object.entries(grant.fields)) form.append(name, value)
  form.append('file', new Blob([new Uint8Array(bytes)]))
  const answer = await fetch(grant.url, { method: 'POST', body: form })
  if (!answer.ok) throw new Error(`the storage answered ${answer.status}`)
  return grant.imageUrl
}

async function run(name: string): Promise<Job> {
  const bytes = await readFile(join(folder as string, name))
  const created = await call<Job>('/v1/jobs', {
    body: {
      imageUrl: await upload(bytes, types[extname(name).toLowerCase()] as string),
      analysisPurpose: purpose,
      outputFormat: 'product_description',
      metadata: { file: name },
    },
  })
  for (let job = created; ; job = await call<Job>(`/v1/jobs/${job.jobId}`, { headers: { prefer: 'wait=25' } })) {
    if (['completed', 'failed', 'cancelled'].includes(job.status)) return job
  }
}

const csv = (values: readonly unknown[]) =>
  values.map((one) => `"${String(one ?? '').replaceAll('"', '""')}"`).join(',')
console.log(csv(['file', 'job', 'status', 'error', 'name', 'tagline', 'description']))
const names = (await readdir(folder)).filter((name) => extname(name).toLowerCase() in types).toSorted()
// Four at a time, within what a user may have in flight.
const next = names.values()
await Promise.all(
  Array.from({ length: 4 }, async () => {
    for (const name of next) {
      const { jobId, status, error, outputs } = await run(name)
      const text = outputs?.content?.result
      console.log(csv([name, jobId, status, error?.code, text?.name, text?.tagline, text?.description]))
    }
  }),
)
