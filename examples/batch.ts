// Uploads every image of a folder, has a text made for each in one batch, watches it by one stream and prints a CSV:
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

interface Batch {
  batchId: number
  jobs: number
  ended: boolean
  eventsUrl: string | null
}
interface Added {
  jobs: { index: number; jobId: number }[]
  rejected: { index: number; errors: { detail: string }[] }[]
}
type Result = Record<string, string | number | null>

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

/** What happens to the jobs of a batch, from one stream, which is opened again wherever it was cut. */
async function* watch(eventsUrl: string) {
  for (let last = ''; ; ) {
    const response = await fetch(eventsUrl, { headers: last ? { 'last-event-id': last } : {} }).catch(() => undefined)
    if (response?.status === 204) return
    if (response && response.status < 500 && !response.ok) throw new Error(`the stream answered ${response.status}`)
    let text = ''
    try {
      for await (const chunk of response?.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const parts = (text + chunk).split('\n\n')
        text = parts.pop() ?? ''
        for (const part of parts) {
          const field = (name: string) => part.match(new RegExp(`^${name}: ?(.*)$`, 'm'))?.[1]
          last = field('id') ?? last
          const data = JSON.parse(field('data') ?? '{}')
          if (data.type) yield data
        }
      }
    } catch {
      // It was cut.
    }
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

/** Waits for the end of a batch: by its stream, or by asking where nothing streams. */
async function finish({ batchId, eventsUrl }: Batch, files: Map<number, string>): Promise<void> {
  if (eventsUrl === null) {
    const wait = { headers: { prefer: 'wait=25' } }
    while (!(await call<Batch>(`/v1/batches/${batchId}`, wait)).ended);
    return
  }
  const ended = new Set<number>()
  for await (const { type, jobId, status, error, ...event } of watch(eventsUrl)) {
    // A state may be told twice.
    if (type === 'job' && ['completed', 'failed', 'cancelled'].includes(status) && !ended.has(jobId)) {
      ended.add(jobId)
      console.error(`${ended.size} of ${files.size}: ${files.get(jobId)} ${error?.message ?? ''}`)
    }
    if (type === 'batch' && event.ended) return
  }
}

type Row = { readonly ok: boolean; readonly cells: readonly unknown[] }
const refused = (name: string, error: unknown): Row => {
  const why = error instanceof TypeError ? `Nothing answers at ${api}. Is npm start running?` : String(error)
  return { ok: false, cells: [name, '', 'not created', why.replace(/^Error: /, '')] }
}

const names = (await readdir(folder)).filter((name) => extname(name).toLowerCase() in types).toSorted()
const rows = new Map<string, Row>()
const images = new Map<string, string>()
// Four uploads at a time.
const next = names.values()
await Promise.all(
  Array.from({ length: 4 }, async () => {
    for (const name of next) {
      try {
        const bytes = await readFile(join(folder, name))
        images.set(name, await upload(bytes, types[extname(name).toLowerCase()] as string))
      } catch (error) {
        rows.set(name, refused(name, error))
      }
    }
  }),
)

const uploaded = names.filter((name) => images.has(name))
if (uploaded.length > 0) {
  const defaults = { analysisPurpose: purpose, outputFormat: 'product_description', language }
  const batch = await call<Batch>('/v1/batches', { body: { name: 'A folder', defaults, onInvalid: 'skip' } })
  const files = new Map<number, string>()
  for (let from = 0; from < uploaded.length; from += 100) {
    const page = uploaded.slice(from, from + 100)
    const jobs = page.map((name) => ({ imageUrl: images.get(name), metadata: { sku: name } }))
    const added = await call<Added>(`/v1/batches/${batch.batchId}/jobs`, { body: { jobs } })
    for (const { index, jobId } of added.jobs) files.set(jobId, page[index] as string)
    for (const { index, errors } of added.rejected) {
      const name = page[index] as string
      rows.set(name, refused(name, new Error(errors.map(({ detail }) => detail).join(' '))))
    }
  }
  if (files.size > 0) await finish(batch, files)
  for (let cursor = ''; cursor !== null; ) {
    const page = await call<{ rows: Result[]; nextCursor: string | null }>(
      `/v1/batches/${batch.batchId}/results?limit=500${cursor && `&cursor=${cursor}`}`,
    )
    for (const { jobId, sku, status, errorMessage, ...fields } of page.rows) {
      const text = (field: string) => fields[`product_description.${language}.${field}`]
      const cells = [sku, jobId, status, errorMessage, text('name'), text('tagline'), text('description')]
      rows.set(String(sku), { ok: status === 'completed', cells })
    }
    cursor = page.nextCursor as string
  }
}

const csv = (values: readonly unknown[]) =>
  Array.from({ length: 7 }, (_, at) => `"${String(values[at] ?? '').replaceAll('"', '""')}"`).join(',')
console.log(csv(['file', 'job', 'status', 'error', 'name', 'tagline', 'description']))
for (const name of names) console.log(csv(rows.get(name)?.cells ?? [name]))
if (names.some((name) => !rows.get(name)?.ok)) process.exitCode = 3
