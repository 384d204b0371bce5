import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { VisionError } from '../../core/domain/errors.ts'
import type { StepContext } from '../../core/domain/step.ts'
import { exampleAnalysis } from '../../core/pipeline/example.ts'
import { createSteps } from '../../core/pipeline/steps.ts'
import { readProviderStates } from '../../core/providers/availability/provider-state.ts'
import type { Model } from '../../core/providers/model.ts'
import { redriveVisionJob } from '../../core/queue/change/redrive.ts'
import { drain } from '../../core/worker/loop.ts'
import type { Steps, WorkerOptions } from '../../core/worker/options.ts'
import { hour, makeJob, spending } from '../support/database/jobs.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { accessTo } from '../support/providers/access.ts'
import { inAMinute, workerOptions } from '../support/worker.ts'

let database: TestDatabase

test.beforeAll(({ workerDatabase }) => {
  database = workerDatabase
})

const answer = { model: 'a model', body: {} }

const run = (steps: Steps, changes: Partial<WorkerOptions> = {}) =>
  drain(workerOptions(database, steps, { concurrency: 1, providerWaitMs: 0, ...changes }), inAMinute())

async function paid({ meter }: StepContext, took = spending()) {
  await meter.sent()
  meter.answered(took)
}

/** An analysis whose first answer does not fit. */
async function twice(context: StepContext) {
  await paid(context, spending({ model: 'first', inputTokens: 10, outputTokens: 1, cost: 5, milliseconds: 100 }))
  expect(await context.meter.again('palette is missing')).toBe(true)
  await paid(context, spending({ model: 'second', inputTokens: 30, outputTokens: 2, cost: 6, milliseconds: 200 }))
  return answer
}
const once = async (_run: unknown, _analysis: unknown, context: StepContext) => {
  await paid(context)
  return answer
}

test('both calls of a step are in the run, in the ledger and in the provider’s minute', async () => {
  const jobId = await makeJob(database)
  // Calls of a provider without a limit are not noted.
  const workerId = 'counting'
  const providers = accessTo(database, { workerId, limits: { gemini: { requestsPerMinute: 100 }, deepseek: {} } })
  await run({ analysis: (_, context) => twice(context), content: once }, { workerId, providers })
  const [attempt] = await database.sql('SELECT * FROM vision_job_attempts WHERE job_id = ?', [jobId])
  expect(attempt).toMatchObject({
    outcome: 'completed',
    analysis_calls: 2,
    analysis_model: 'second',
    analysis_input_tokens: 40,
    analysis_output_tokens: 3,
    analysis_cost: 11,
    analysis_ms: 300,
    content_calls: 1,
  })
  const ledger = await database.sql(
    "SELECT model, calls, cost, unpriced_calls FROM vision_usage WHERE model <> '' ORDER BY model",
  )
  expect(ledger.map(({ model, calls, cost }) => [model, Number(calls), Number(cost)])).toEqual([
    ['a-model', 1, 7],
    ['second', 2, 11],
  ])
  const permits = await database.sql(
    "SELECT tokens FROM vision_permits WHERE provider = 'gemini' AND sent_at IS NOT NULL ORDER BY tokens",
  )
  expect(permits.map(({ tokens }) => Number(tokens))).toEqual([11, 32])
  const [job] = await database.sql('SELECT answer_issue FROM vision_jobs WHERE id = ?', [jobId])
  expect(job).toEqual({ answer_issue: null })
})

test('calls without a price count, all of them, as calls without a price', async () => {
  await makeJob(database)
  await run({
    analysis: async (_, context) => {
      await paid(context, spending({ cost: null, model: 'm' }))
      await context.meter.again('x')
      await paid(context, spending({ cost: 3, model: 'm' }))
      return answer
    },
    content: once,
  })
  const [row] = await database.sql("SELECT calls, cost, unpriced_calls FROM vision_usage WHERE model = 'm'")
  expect([row?.calls, row?.cost, row?.unpriced_calls].map(Number)).toEqual([2, 0, 2])
})

test('without time for a second call the next run is told what did not fit, whatever happens before it is asked', async () => {
  const jobId = await makeJob(database)
  const seen: (string | null)[] = []
  let runs = 0
  const steps: Steps = {
    analysis: async (job, context) => {
      seen.push(job.answerIssue)
      runs++
      await paid(context)
      if (runs === 1) {
        // The worker's time is over: there is none for another call.
        late = true
        expect(await context.meter.again('palette is missing')).toBe(false)
        throw new VisionError('internal.error', { detail: 'palette is missing' })
      }
      // In between something else goes wrong.
      if (runs === 2) throw new VisionError('internal.error')
      return answer
    },
    content: once,
  }
  let late = false
  const began = performance.now()
  await run(steps, { now: () => (late ? began + 59_500 : performance.now()) })
  await run(steps)
  expect(seen).toEqual([null, 'palette is missing', 'palette is missing'])
  const [job] = await database.sql('SELECT status, answer_issue FROM vision_jobs WHERE id = ?', [jobId])
  expect(job).toEqual({ status: 'completed', answer_issue: null })
})

test('what did not fit is stored before it is asked for again: a worker may die meanwhile', async () => {
  const jobId = await makeJob(database)
  let stored: unknown
  const analysis: Steps['analysis'] = async (_, context) => {
    await paid(context)
    await context.meter.again('palette is missing')
    ;[stored] = await database.sql('SELECT answer_issue FROM vision_jobs WHERE id = ?', [jobId])
    await paid(context)
    return answer
  }
  await run({ analysis, content: once })
  expect(stored).toEqual({ answer_issue: 'palette is missing' })
  const [job] = await database.sql('SELECT status, answer_issue FROM vision_jobs WHERE id = ?', [jobId])
  expect(job).toEqual({ status: 'completed', answer_issue: null })
})

test('without leave for a second call there is none', async () => {
  await makeJob(database)
  const allowed: boolean[] = []
  const workerId = 'limited'
  await run(
    {
      analysis: async (_, context) => {
        await paid(context)
        allowed.push(await context.meter.again('x'))
        return answer
      },
      content: once,
    },
    {
      workerId,
      providers: accessTo(database, { workerId, limits: { gemini: { requestsPerMinute: 1 }, deepseek: {} } }),
    },
  )
  expect(allowed).toEqual([false])
})

test('a job that failed for it and is retried by hand is asked afresh', async () => {
  const jobId = await makeJob(database, { maxRetries: 0 })
  const seen: (string | null)[] = []
  const steps: Steps = {
    analysis: async (job, context) => {
      seen.push(job.answerIssue)
      await paid(context)
      await context.meter.again('palette is missing')
      throw new VisionError('internal.error')
    },
    content: once,
  }
  await run(steps)
  await redriveVisionJob(database, { jobId, userId: 'user-1' }, { lifeMs: hour })
  await run(steps)
  expect(seen).toEqual([null, null])
})

test('a second call that fails is told to all workers, also where the first answer is good enough', async () => {
  const jobId = await makeJob(database, { outputFormat: 'alt_text', language: 'de' })
  const usable = { imageRole: 'informative', altText: 'Bild von einem Schuh', longDescription: 'Ein Schuh.' }
  const says = [JSON.stringify(exampleAnalysis), JSON.stringify(usable), new VisionError('content.misconfigured')]
  const model: Model = {
    ask: async (_, { meter }) => {
      await meter.sent()
      const said = says.shift()
      if (said instanceof Error) throw said
      meter.answered(spending())
      return { model: 'a-model', text: said ?? '' }
    },
  }
  const image = { bytes: new Uint8Array([1]), type: 'image/png', release: () => undefined }
  await run(
    createSteps(
      { image: async () => image, brand: async () => undefined },
      { analysis: model, content: model },
      randomBytes,
    ),
  )
  const [job] = await database.sql('SELECT status FROM vision_jobs WHERE id = ?', [jobId])
  expect(job).toEqual({ status: 'completed' })
  const deepseek = (await database.run(readProviderStates)).of('deepseek')
  expect(deepseek).toMatchObject({ backoffCode: 'content.misconfigured', downSince: expect.any(Date) })
  // Its answer was lost: it may have been billed.
  const [attempt] = await database.sql('SELECT possibly_billed AS step FROM vision_job_attempts')
  expect(attempt).toEqual({ step: 'content' })
})
