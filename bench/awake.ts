// node bench/awake.ts [mariadb|mysql] [--quick]: how soon work begins. From the call that creates a job to its first call to a provider,
// with an instance of the poller that is idle (warm), with none (cold), and while one works and has places free. Then 1,000 jobs of 100
// users from rest: how soon 400 of them are in flight. The API and each instance of the poller are a process of their own with its
// bundle, and Lambda, the providers (whose calls take 5 s in the last part) and the bucket are emulated. About two minutes.
import { setTimeout as delay } from 'node:timers/promises'
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { signToken } from '../core/platform/auth.ts'
import { apiEvent } from '../test/support/functions/events.ts'
import { startTestServices } from '../test/support/functions/services.ts'
import { secret } from './support/api-settings.ts'
import { makeBundles } from './support/bundles.ts'
import { startEmulatedLambda, startInstance } from './support/lambda.ts'
import { ms, quantile, table } from './support/measure.ts'
import { pixel } from './support/pixel.ts'
import { openReport } from './support/results.ts'
import { onEachServer, truncateJobs } from './support/server.ts'

const quick = process.argv.includes('--quick')
const server = process.argv.slice(2).find((one) => !one.startsWith('--')) ?? 'mariadb'
const rounds = quick ? { warm: 3, cold: 1, busy: 1, burst: 1 } : { warm: 100, cold: 10, busy: 10, burst: 3 }
const burst = quick ? { users: 4, jobs: 10, inFlight: 20 } : { users: 100, jobs: 10, inFlight: 400 }
const callMs = 5_000
const concurrency = 100
const mostPollers = 6
const job = { imageUrl: pixel, analysisPurpose: 'a measurement', outputFormat: 'alt_text' }

await using cleanup = new AsyncDisposableStack()
const scriptOf = await makeBundles(cleanup, ['api', 'poller'])
const services = await startTestServices()
cleanup.defer(() => services.stop())

await onEachServer(server, async (on) => {
  const report = await openReport('awake', on)
  await using cleanup = new AsyncDisposableStack()
  const settings: Record<string, string> = {
    ...services.settings(on.url),
    AUTH_SECRET: secret,
    LOG_LEVEL: 'error',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'the secret of an emulated account',
    POLLER_MAX: String(mostPollers),
    POLLER_CONCURRENCY: String(concurrency),
    USER_JOBS_PER_DAY: '1000000',
  }
  const lambda = await startEmulatedLambda(cleanup, {
    most: mostPollers,
    start: () => startInstance(scriptOf('poller'), { ...settings, AWS_LAMBDA_FUNCTION_NAME: 'poller' }),
  })
  settings.AWS_ENDPOINT_URL_LAMBDA = lambda.endpoint
  const api = startInstance(scriptOf('api'), { ...settings, POLLER_FUNCTION: 'poller' })
  cleanup.defer(() => api.stop())
  const { calls, faults } = services.providers

  const tokens = new Map<string, string>()
  const tokenOf = async (userId: string) => {
    const token =
      tokens.get(userId) ?? (await signToken(secret, { userId, scopes: [], lifeSeconds: 3_600, now: Date.now() }))
    tokens.set(userId, token)
    return token
  }
  const post = async (user: string, path: string, body: object) => {
    const headers = { authorization: `Bearer ${await tokenOf(user)}` }
    const result = await api.invoke(apiEvent({ method: 'POST', path, body, headers }))
    const { statusCode, body: reply } = result as APIGatewayProxyStructuredResultV2
    if (statusCode !== 201) throw new Error(`${statusCode}: ${reply}`)
    return JSON.parse(reply ?? '')
  }
  const analyses = () => calls.counts().gemini.total
  const until = async (isTrue: () => boolean | Promise<boolean>, everyMs = 5) => {
    while (!(await isTrue())) await delay(everyMs)
  }
  const atRest = async () => {
    await until(() => lambda.counts().busy + lambda.counts().queued === 0)
    // Nobody is woken again within 250 ms.
    await delay(300)
  }
  /** From the call that creates a job to its first call to a provider, in milliseconds. */
  const createdToCalled = async () => {
    const before = analyses()
    const began = Date.now()
    await post('ann', '/v1/jobs', job)
    await until(() => analyses() > before)
    const last = calls.log.findLast(({ provider }) => provider === 'gemini')
    return Number(last?.at) - began
  }

  const times: Record<string, number[]> = {}
  const add = (name: string, time: number) => {
    times[name] ??= []
    times[name].push(time)
  }
  for (let round = 0; round < rounds.cold; round++) {
    await lambda.freeze()
    add('cold: no instance of the poller', await createdToCalled())
    await atRest()
  }
  for (let round = -2; round < rounds.warm; round++) {
    const time = await createdToCalled()
    if (round >= 0) add('warm: an idle instance', time)
    await atRest()
  }
  for (let round = 0; round < rounds.busy; round++) {
    // The call of the first job takes long.
    faults.add({ provider: 'gemini', kind: 'latency', latencyMs: 3_000 })
    await createdToCalled()
    // At any moment of the time between two polls.
    await delay(200 * round)
    add('while an instance works, with places free', await createdToCalled())
    await atRest()
  }

  faults.add({ provider: 'gemini', kind: 'latency', latencyMs: callMs, times: 'unlimited' })
  const bursts: { readonly created: number; readonly reached: number; readonly instances: number }[] = []
  for (let round = 0; round < rounds.burst; round++) {
    await lambda.freeze()
    await truncateJobs(on)
    const { started } = lambda.counts()
    const began = performance.now()
    let created = 0
    const creating = Promise.all(
      Array.from({ length: burst.users }, async (_, user) => {
        const { batchId } = await post(`user-${user}`, '/v1/batches', { name: 'a burst' })
        await post(`user-${user}`, `/v1/batches/${batchId}/jobs`, { jobs: Array(burst.jobs).fill(job) })
      }),
    ).then(() => {
      created = performance.now() - began
    })
    const inFlight = () => calls.counts().gemini.outcomes.waiting ?? 0
    await until(() => inFlight() >= burst.inFlight || performance.now() - began > 60_000)
    const reached = inFlight() >= burst.inFlight ? performance.now() - began : Number.POSITIVE_INFINITY
    await creating
    bursts.push({ created, reached, instances: lambda.counts().started - started })
    await atRest()
  }
  faults.clear()

  report.add(`From the call that creates a job to its first call to a provider, in milliseconds:`)
  report.add(
    table(
      ['', 'jobs', 'p50', 'p99'],
      Object.entries(times).map(([name, all]) => [name, all.length, ms(quantile(all, 0.5)), ms(quantile(all, 0.99))]),
    ),
  )
  const median = (of: (one: (typeof bursts)[number]) => number) => quantile(bursts.map(of), 0.5)
  report.add(
    `${burst.users * burst.jobs} jobs of ${burst.users} users from rest, pollers of ${concurrency} places, at most ${mostPollers}: ` +
      `${burst.inFlight} in flight after ${(median((one) => one.reached) / 1_000).toFixed(1)} s ` +
      `(most ${(
        quantile(
          bursts.map((one) => one.reached),
          1,
        ) / 1_000
      ).toFixed(1)} s), in ${median((one) => one.instances)} new instances; ` +
      `all were created after ${(median((one) => one.created) / 1_000).toFixed(1)} s. Medians of ${bursts.length}.`,
  )
  await report.write()
})
