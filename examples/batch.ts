// Uploads every image of a folder, has a text made for each and prints them as CSV:
//   npm run -s example examples/batch.ts photos/ "Describe the product for our shop" de > texts.csv
// A file that fails gets a row that says why, and the others go on; the command then ends with 3.
// VISION_URL names the API (http://localhost:3000 if not set), VISION_TOKEN the bearer token (none is needed locally).
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'

const [folder, purpose = 'Describe the product for our shop', language = 'en'] = process.argv.slice(2)
if (!folder || !existsSync(folder)) {
  console.error(folder ? `There is no folder ${folder}.` : 'Usage: examples/batch.ts <folder> [purpose] [language]')
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
  '.heif': 'image/heif',
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
  const answer = (await response.json()) as T & { detail?: string; errors?: { detail: string }[] }
  if (response.ok) return answer
  // One that is over a limit says when to come back.
  const seconds = Number(response.headers.get('retry-after'))
  if (response.status === 429 && seconds > 0 && seconds <= 120) {
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    return call(path, { body, headers })
  }
  throw new Error([answer.detail, ...(answer.errors ?? []).map(({ detail }) => detail)].join(' '))
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
      language,
      metadata: { file: name },
    },
  })
  for (let job = created; ; job = await call<Job>(`/v1/jobs/${job.jobId}`, { headers: { prefer: 'wait=25' } })) {
    if (['completed', 'failed', 'cancelled'].includes(job.status)) return job
  }
}

/** One row of the table: the file, its job, and the text or why there is none. */
async function row(name: string): Promise<{ readonly ok: boolean; readonly cells: readonly unknown[] }> {
  try {
    const { jobId, status, error, outputs } = await run(name)
    const text = outputs?.content?.result
    return {
      ok: status === 'completed',
      cells: [name, jobId, status, error?.message, text?.name, text?.tagline, text?.description],
    }
  } catch (error) {
    const refused = error instanceof TypeError ? `Nothing answers at ${api}. Does npm start run?` : String(error)
    return { ok: false, cells: [name, '', 'not created', refused.replace(/^Error: /, '')] }
  }
}

const csv = (values: readonly unknown[]) =>
  Array.from({ length: 7 }, (_, at) => `"${String(values[at] ?? '').replaceAll('"', '""')}"`).join(',')

const names = (await readdir(folder)).filter((name) => extname(name).toLowerCase() in types).toSorted()
const rows: Awaited<ReturnType<typeof row>>[] = []
// Four at a time, within what a user may have in flight.
const next = names.entries()
await Promise.all(
  Array.from({ length: 4 }, async () => {
    for (const [at, name] of next) {
      rows[at] = await row(name)
      console.error(`${rows.filter(Boolean).length} of ${names.length}: ${name}`)
    }
  }),
)
console.log(csv(['file', 'job', 'status', 'error', 'name', 'tagline', 'description']))
for (const { cells } of rows) console.log(csv(cells))
if (rows.some(({ ok }) => !ok)) process.exitCode = 3
