import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cancelVisionJob } from '../../core/queue/change/cancel.ts'
import { createEmptyDatabase } from '../support/database/test-database.ts'
import { functionNames } from '../support/functions/bundle.ts'
import { apiEvent, tick, urlEvent } from '../support/functions/events.ts'
import { type DeployedStack, readAll, readUntil, startDeployedStack, streamUrl } from './stack.ts'

let stack: DeployedStack
beforeAll(async () => {
  stack = await startDeployedStack()
})
afterAll(() => stack.stop())

test('a job goes its whole way through the bundles alone: created, watched, worked on and read', async () => {
  const { jobId, eventsUrl } = await stack.create()
  expect(eventsUrl).toMatch(new RegExp(`^${streamUrl}/v1/jobs/${jobId}/events\\?ticket=`))
  const reply = await stack.watch(await stack.start('stream'), eventsUrl)
  expect(reply).toMatchObject({ statusCode: 200, headers: { 'content-type': 'text/event-stream' } })
  await readUntil(reply, /event: status/)

  const poller = await stack.start('poller')
  expect(await stack.drain(poller)).toMatchObject({ claimed: 1, completed: 1 })

  expect(await readAll(reply)).toMatch(/event: analysis[\s\S]*event: completed/)
  const { body } = await stack.call('GET', `/v1/jobs/${jobId}`)
  expect(body).toMatchObject({
    status: 'completed',
    outputs: { analysis: { model: expect.stringMatching(/emulated/) }, content: { result: expect.anything() } },
  })
  const image = await fetch(body.image.url)
  expect([image.status, image.headers.get('content-type')]).toEqual([200, 'image/png'])
})

describe('a stream', () => {
  test('reaches Lambda event by event, as it is written', async () => {
    const { jobId, eventsUrl } = await stack.create()
    const reply = await stack.watch(await stack.start('stream', { STREAM_SECONDS: '30' }), eventsUrl)
    // Each event is here before the change that the next one tells of: none of them can have waited for the end.
    expect(await readUntil(reply, /event: status/)).toMatch(/"status":"pending"/)
    await stack.database.sql('UPDATE vision_jobs SET version = version + 1, failures = 1 WHERE id = ?', [jobId])
    expect(await readUntil(reply, /event: status/)).toMatch(/"failures":1/)
    await cancelVisionJob(stack.database, { jobId, userId: 'ann' })
    expect(await readAll(reply)).toMatch(/event: cancelled[\s\S]*"status":"cancelled"/)
  })

  test('ends in time, says that the client is to come back, and leaves its instance to the next one', async () => {
    const { jobId, eventsUrl } = await stack.create()
    const stream = await stack.start('stream', { STREAM_SECONDS: '2' })
    for (const _ of [1, 2]) expect(await readAll(await stack.watch(stream, eventsUrl))).toMatch(/event: reconnect/)
    // The reply ends before the session is closed, and the function returns after that.
    await stream.invoke(urlEvent({ path: '/nowhere' }), 10_000)
    const sessions = 'SELECT close_reason FROM vision_job_sessions WHERE job_id = ?'
    expect(await stack.database.sql(sessions, [jobId])).toEqual(Array(2).fill({ close_reason: 'reconnect' }))
  })

  test('that is refused keeps its true status', async () => {
    const { jobId, eventsUrl } = await stack.create()
    const stream = await stack.start('stream')
    const replyTo = async (url: string, headers?: Record<string, string>) => {
      const reply = await stack.watch(stream, url, headers)
      const body = await readAll(reply)
      return [reply.statusCode, body && JSON.parse(body).code]
    }
    expect(await replyTo(`${streamUrl}/v1/jobs/${jobId}/events`)).toEqual([401, 'request.unauthenticated'])
    const another = eventsUrl.replace(`/jobs/${jobId}/`, `/jobs/${jobId + 1}/`)
    expect(await replyTo(another)).toEqual([401, 'request.unauthenticated'])
    expect(await replyTo(`${streamUrl}/nowhere`)).toEqual([404, 'request.not_found'])
    await cancelVisionJob(stack.database, { jobId, userId: 'ann' })
    expect(await replyTo(eventsUrl, { 'last-event-id': '2' })).toEqual([204, ''])
    await stack.database.sql('DELETE FROM vision_jobs WHERE id = ?', [jobId])
    expect(await replyTo(eventsUrl)).toEqual([404, 'job.not_found'])
  })
})

test('the migrations find their files beside their bundle, and are applied once', async () => {
  const { url, drop } = await createEmptyDatabase()
  try {
    const migrate = await stack.start('migrate', { DATABASE_URL: url })
    const call = (mode: 'apply' | 'check') => migrate.invoke({ mode }, 60_000)
    await expect(call('check')).rejects.toThrow(/^MigrationError: /)
    expect(await call('apply')).toEqual({ applied: expect.toSatisfy((count) => count > 0) })
    expect([await call('apply'), await call('check')]).toEqual(Array(2).fill({ applied: 0 }))
  } finally {
    await drop()
  }
})

describe.each(await functionNames())('%s without its settings', (name) => {
  const needed: Record<string, readonly string[]> = {
    api: ['BUCKET_NAME', 'AUTH_SECRET'],
    stream: ['AUTH_SECRET'],
    poller: ['BUCKET_NAME', 'GEMINI_API_KEY', 'DEEPSEEK_API_KEY'],
  }
  const events: Record<string, unknown> = {
    api: apiEvent({ path: '/' }),
    stream: urlEvent({ path: '/' }),
    poller: tick,
    migrate: { mode: 'check' },
  }

  test('names each one that is missing or wrong, and no value', async () => {
    const keys = ['DATABASE_URL', ...(needed[name] ?? [])]
    const missing = Object.fromEntries(keys.map((key) => [key, '']))
    const bare = await stack.start(name, { ...missing, DATABASE_URL: 'postgres://ann:open-sesame@db/queue' })
    const error = (await bare.invoke(events[name], 10_000).catch((reason: Error) => reason)) as Error
    expect(error.message).toMatch(/^ConfigError: /)
    for (const key of keys) expect(error.message).toContain(key)
    expect(error.message + bare.log()).not.toContain('open-sesame')
  })
})
