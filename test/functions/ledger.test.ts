import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Context } from 'aws-lambda'
import { afterAll, afterEach, beforeEach, expect, vi } from 'vitest'
import { createImageIntake } from '../../core/images/intake.ts'
import { createVisionJob } from '../../core/queue/create/create.ts'
import { attemptRows, noCap } from '../support/database/jobs.ts'
import { expectLedgerOfRuns, ledgerOf } from '../support/database/ledger.ts'
import { test } from '../support/database/test.ts'
import type { TestDatabase } from '../support/database/test-database.ts'
import { startTestServices, type TestServices } from '../support/functions/services.ts'
import { fixtureUrl } from '../support/images/storage.ts'

/** What the providers said that they counted, in their own words. */
type Said = Record<string, number>

let database: TestDatabase
let services: TestServices
let wire: Server
const said: { gemini: Said[]; deepseek: Said[] } = { gemini: [], deepseek: [] }

test.beforeAll(async ({ workerDatabase }) => {
  database = workerDatabase
  services = await startTestServices()
  wire = await listenTo(services.providers.geminiBaseUrl)
})
beforeEach(() => {
  said.gemini = []
  said.deepseek = []
})
afterEach(() => {
  services.providers.faults.clear()
  vi.unstubAllEnvs()
})
afterAll(async () => {
  wire.close()
  await services.stop()
})

/** Stands between the function and the providers, and notes the usage in each answer. */
async function listenTo(target: string): Promise<Server> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const headers = Object.entries(request.headers).filter(([name]) => !/^(host|connection|content-length)$/.test(name))
    const answer = await fetch(target + request.url, {
      method: 'POST',
      headers: headers.map(([name, value]) => [name, String(value)] as [string, string]),
      body: Buffer.concat(chunks),
    })
    const text = await answer.text()
    const { usage, usageMetadata } = JSON.parse(text)
    if (usageMetadata) said.gemini.push(usageMetadata)
    if (usage) said.deepseek.push({ ...usage, ...usage.completion_tokens_details })
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

async function fire(changes: Record<string, string> = {}) {
  const url = `http://127.0.0.1:${(wire.address() as AddressInfo).port}`
  const settings = { ...services.settings(database.url), GEMINI_BASE_URL: url, DEEPSEEK_BASE_URL: url, ...changes }
  for (const [key, value] of Object.entries(settings)) vi.stubEnv(key, value)
  vi.stubEnv('LOG_LEVEL', 'error')
  vi.resetModules()
  const { handler } = await import('../../functions/poller.ts')
  return handler({} as never, { getRemainingTimeInMillis: () => 300_000 } as Context)
}

async function submit(): Promise<number> {
  const intake = createImageIntake(database, services.store, { allowLoopbackHttp: false })
  const taken = await intake.take(await fixtureUrl('halves.png', 'image/png'), 'user-1')
  const { jobId } = await createVisionJob(
    database,
    { ...taken, analysisPurpose: 'Sell a flag', outputFormat: 'summary', language: 'en' },
    { userId: 'user-1', maxRetries: 3, inFlightPerUser: noCap, lifeMs: 86_400_000 },
  )
  return jobId
}

const sum = (all: readonly Said[], field: string) => all.reduce((total, one) => total + (one[field] ?? 0), 0)

test('the ledger has to the token what the providers said, over jobs, retries and cached prompts', async () => {
  const ids = [await submit(), await submit(), await submit()]
  services.providers.faults.add({ provider: 'deepseek', kind: 'blank' })
  services.providers.faults.add({ provider: 'deepseek', kind: 'malformed', malformedAs: 'misfit' })
  services.providers.faults.add({ provider: 'gemini', kind: 'rate_limited', retryAfterSeconds: 0 })
  // One after the other, so that a prompt finds the one before it cached.
  const once = { POLLER_CONCURRENCY: '1', PROVIDER_PAUSE_SECONDS: '0.001' }
  await vi.waitFor(
    async () => {
      await database.sql("UPDATE vision_jobs SET available_at = UTC_TIMESTAMP(3) WHERE status = 'scheduled'")
      await fire(once)
      const open = await database.sql("SELECT id FROM vision_jobs WHERE status <> 'completed'")
      expect(open).toEqual([])
    },
    { timeout: 30_000, interval: 100 },
  )

  expect(said.gemini).toHaveLength(3)
  expect(said.deepseek).toHaveLength(5)
  const ledger = await ledgerOf(database)
  const of = (model: string) =>
    Object.entries(ledger).flatMap(([key, counts]) => (key.startsWith(model) ? [counts] : []))
  const total = (model: string, counter: string) => of(model).reduce((all, counts) => all + (counts[counter] ?? 0), 0)
  const gemini = 'gemini-3.5-flash-lite-emulated'
  expect(total(gemini, 'calls')).toBe(3)
  expect(total(gemini, 'inputTokens')).toBe(sum(said.gemini, 'promptTokenCount'))
  expect(total(gemini, 'cachedTokens')).toBe(sum(said.gemini, 'cachedContentTokenCount'))
  expect(total(gemini, 'outputTokens')).toBe(sum(said.gemini, 'candidatesTokenCount'))
  const deepseek = 'deepseek-flash-emulated'
  expect(ledger[`${deepseek} retried`]).toMatchObject({ calls: 1 })
  expect(ledger[`${deepseek} completed`]).toMatchObject({ calls: 4 })
  expect(total(deepseek, 'inputTokens')).toBe(sum(said.deepseek, 'prompt_tokens'))
  expect(total(deepseek, 'cachedTokens')).toBe(sum(said.deepseek, 'prompt_cache_hit_tokens'))
  expect(total(deepseek, 'outputTokens')).toBe(sum(said.deepseek, 'completion_tokens'))
  for (const model of [gemini, deepseek]) {
    expect(total(model, 'cachedTokens'), model).toBeGreaterThan(0)
    expect(total(model, 'cost'), model).toBeGreaterThan(0)
    expect(total(model, 'unpricedCalls'), model).toBe(0)
  }
  expect(total(gemini, 'cost')).toBe(
    sum(said.gemini, 'promptTokenCount') * 300 -
      sum(said.gemini, 'cachedContentTokenCount') * 270 +
      sum(said.gemini, 'candidatesTokenCount') * 2500,
  )
  expect(ledger.completed).toMatchObject({ jobs: 3, runs: 3 })
  await expectLedgerOfRuns(database)
  const [first] = await attemptRows(database, ids[0] ?? 0)
  expect(Number(first?.image_ms)).toBeGreaterThan(0)
})

test('thinking counts as output, and the cost of a model without a price is unknown', async () => {
  const jobId = await submit()
  await fire({ GEMINI_MODEL: 'gemini-that-thinks' })
  const [usage] = said.gemini
  expect(usage?.thoughtsTokenCount).toBeGreaterThan(0)
  expect(await attemptRows(database, jobId)).toMatchObject([
    {
      analysis_model: 'gemini-that-thinks-emulated',
      analysis_thinking_tokens: usage?.thoughtsTokenCount,
      analysis_output_tokens: (usage?.thoughtsTokenCount ?? 0) + (usage?.candidatesTokenCount ?? 0),
      analysis_cost: null,
    },
  ])
})

test('a price of the operator’s holds for the calls of a function that has it', async () => {
  const jobId = await submit()
  const price = { model: 'deepseek-flash', from: '2026-11-01', input: 1, cachedInput: 1, output: 0 }
  await fire({ PRICES: JSON.stringify([price]) })
  expect(await attemptRows(database, jobId)).toMatchObject([
    { content_cost: (said.deepseek[0]?.prompt_tokens ?? 0) * 1000 },
  ])
})
