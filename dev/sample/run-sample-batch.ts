import { readFile } from 'node:fs/promises'
import { showText } from './show-text.ts'

/** What is read of the answers here. */
interface Batch {
  readonly batchId: number
  readonly jobs: number
  readonly costUsd: number | null
  readonly calls: number
  readonly unpricedCalls: number
  readonly eventsUrl: string | null
}
interface Job {
  readonly error: { readonly code: string; readonly message: string } | null
  readonly outputs: {
    readonly analysis: { readonly model: string } | null
    readonly texts: readonly {
      readonly outputFormat: string
      readonly language: string
      readonly error: { readonly code: string; readonly message: string } | null
      readonly model: string | null
      readonly result: Readonly<Record<string, unknown>> | null
    }[]
  }
}
type Event =
  | { readonly type: 'job'; readonly jobId: number; readonly status: string; readonly progress: number }
  | { readonly type: 'batch'; readonly ended: boolean }
  | { readonly type: 'deleted' | 'batch_deleted' }

const purpose = 'Pellmere Summer Sale'
const samples = [
  { file: 'poster.png', outputFormat: 'social_post' },
  {
    file: 'bottle.png',
    outputFormat: 'product_description',
    facts: { name: 'Pellmere cloudy lemonade', price: '€ 2.40', bottle: '330 ml' },
  },
  { file: 'orchard.png', outputFormat: 'alt_text' },
] as const
const languages = ['en', 'de'] as const
const folder = new URL('../../samples/', import.meta.url)

/**
 * Sends three bundled images through the pipeline as one batch, for the brand that they are of, over the API and as any client does, watches it by its one
 * stream, and prints the texts.
 *
 * @param url of the API
 * @param signal aborted when the stack stops
 */
export async function runSampleBatch(url: string, say: (line: string) => void, signal: AbortSignal): Promise<void> {
  const started = performance.now()
  const seconds = () => ((performance.now() - started) / 1000).toFixed(1)
  const profile: unknown = JSON.parse(await readFile(new URL('brand.json', folder), 'utf8'))
  const { brandId } = await call<{ brandId: number }>(`${url}/v1/brands`, signal, { profile })
  const batch = await call<Batch>(`${url}/v1/batches`, signal, { name: 'Samples' })
  const images = await Promise.all(samples.map(({ file }) => readFile(new URL(file, folder))))
  const added = await call<{ jobs: readonly { jobId: number }[] }>(`${url}/v1/batches/${batch.batchId}/jobs`, signal, {
    jobs: samples.map(({ file, outputFormat, ...rest }, index) => ({
      imageUrl: `data:image/png;base64,${images[index]?.toString('base64')}`,
      analysisPurpose: purpose,
      outputs: languages.map((language) => ({ outputFormat, language })),
      metadata: { sku: file },
      brandId,
      ...rest,
    })),
  })
  const jobs = new Map(added.jobs.map(({ jobId }, index) => [jobId, samples[index]?.file ?? '']))
  say(`Three of the sample images (samples/) are batch ${batch.batchId}, each with a text in English and in German:`)

  const shown = new Map<number, string>()
  for await (const event of eventsOf(batch.eventsUrl ?? '', signal)) {
    if (event.type === 'batch' && event.ended) break
    if (event.type !== 'job') continue
    const state = `${String(event.progress).padStart(3)} %  ${event.status}`
    if (shown.get(event.jobId) === state) continue
    shown.set(event.jobId, state)
    say(`  ${seconds().padStart(5)} s  ${(jobs.get(event.jobId) ?? '').padEnd(12)} ${state}`)
  }
  const took = seconds()

  const models = new Set<string>()
  for (const [jobId, file] of jobs) {
    const { outputs, error } = await call<Job>(`${url}/v1/jobs/${jobId}`, signal)
    say(`\n${file}, job ${jobId}${error ? `: ${error.code}: ${error.message}` : ''}`)
    for (const { outputFormat, language, result, error: missing, model } of outputs.texts) {
      say(`\n  ${outputFormat}, ${language}${missing ? `: ${missing.code}: ${missing.message}` : ''}`)
      for (const line of showText(result ?? {})) say(line && `    ${line}`)
      if (model) models.add(model)
    }
    if (outputs.analysis) models.add(outputs.analysis.model)
  }
  say(`\n${summary(await call<Batch>(`${url}/v1/batches/${batch.batchId}`, signal), took, [...models])}`)
}

function summary({ jobs, calls, costUsd, unpricedCalls }: Batch, took: string, models: readonly string[]): string {
  const emulated = models.some((model) => model.endsWith('-emulated'))
  const cost = costUsd === null || unpricedCalls > 0 ? 'at prices that are not known' : `$${costUsd.toFixed(4)}`
  return [
    `${jobs} images, ${jobs * languages.length} texts in ${took} s: ${calls} calls, ${cost}`,
    emulated ? ' if they were not emulated' : '',
    `, by ${models.toSorted().join(' and ')}.`,
  ].join('')
}

/** The events of a stream, which is opened again if it ends before the batch does. */
async function* eventsOf(eventsUrl: string, signal: AbortSignal): AsyncGenerator<Event> {
  for (let last = ''; ; ) {
    const response = await fetch(eventsUrl, { signal, headers: last ? { 'last-event-id': last } : {} })
    if (response.status === 204) return
    if (!response.ok) throw new Error(`the stream answered ${response.status}: ${await response.text()}`)
    let text = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const parts = (text + chunk).split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1]
        last = field('id') ?? last
        const event = JSON.parse(field('data') ?? '{}') as Event
        if (event.type) yield event
      }
    }
  }
}

async function call<Answer>(url: string, signal: AbortSignal, body?: unknown): Promise<Answer> {
  const response = await fetch(url, {
    signal,
    ...(body !== undefined && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  })
  if (!response.ok) throw new Error(`the API answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as Answer
}
