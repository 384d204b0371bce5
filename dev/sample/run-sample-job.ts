import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

/** The few fields of a job that are shown. */
interface ShownJob {
  readonly jobId: number
  readonly status: string
  readonly step: string | null
  readonly progress: number
  readonly error: { readonly code: string; readonly message: string } | null
  readonly outputs: Record<'analysis' | 'content', { readonly model: string; readonly result: unknown } | null>
}

const image = new URL('./poster.png', import.meta.url)
const ended = ['completed', 'failed', 'cancelled']

/**
 * Sends the bundled image through the pipeline over the API, as any client does, and prints its progress.
 *
 * @param url of the API
 * @param signal aborted when the stack stops
 */
export async function runSampleJob(url: string, say: (line: string) => void, signal: AbortSignal): Promise<void> {
  const bytes = await readFile(image)
  const body = {
    imageUrl: `data:image/png;base64,${bytes.toString('base64')}`,
    analysisPurpose: 'the spring sale of a coffee roaster',
    outputFormat: 'social_post',
  }
  let job = await call(`${url}/v1/jobs`, signal, body)
  say(`The sample image (dev/sample/poster.png) is job ${job.jobId}:`)
  const started = performance.now()
  let shown = ''
  for (;;) {
    const state = `${String(job.progress).padStart(3)} %  ${job.status}${job.step ? `, ${job.step}` : ''}`
    if (state !== shown) say(`  ${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s  ${state}`)
    shown = state
    if (ended.includes(job.status)) break
    await delay(100, undefined, { signal })
    job = await call(`${url}/v1/jobs/${job.jobId}`, signal)
  }
  if (job.error) say(`  ${job.error.code}: ${job.error.message}`)
  const { analysis, content } = job.outputs
  for (const [kind, output] of Object.entries({ analysis, content })) {
    if (!output) continue
    say(`\n${kind}, by ${output.model}:`)
    say(JSON.stringify(output.result, null, 2).replaceAll(/^/gm, '  '))
  }
}

async function call(url: string, signal: AbortSignal, body?: unknown): Promise<ShownJob> {
  const response = await fetch(url, {
    signal,
    ...(body !== undefined && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  })
  if (!response.ok) throw new Error(`the API answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as ShownJob
}
