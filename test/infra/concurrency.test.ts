import { describe, expect, test } from 'vitest'
import { loadApiConfig } from '../../core/platform/config/api.ts'
import { fleetOf, planConcurrency } from '../../infra/concurrency.ts'
import { type Deployment, deploy } from './support/deployment.ts'
import { environmentOf, functionNames, functionOf, one } from './support/look.ts'

const nothing = {
  pollerSeconds: 300,
  pollers: undefined,
  streams: undefined,
  streaming: undefined,
  waits: undefined,
  rate: undefined,
  burst: undefined,
}

const reservedOf = (deployed: Deployment) =>
  Object.fromEntries(
    functionNames(deployed).map((name) => [name, functionOf(deployed, name).reservedConcurrentExecutions]),
  )

describe('what an account’s functions at once are shared out as', () => {
  test.each([
    [1000, 6, 100],
    [400, 6, 73],
    [110, 6, 1],
    // Streams then take from what the API has, and still not from the poller.
    [106, 6, undefined],
  ])('of %i the poller reserves %i, and the streams %s', (total, pollers, streams) => {
    expect(planConcurrency(total, nothing)).toEqual({
      plan: { mostPollers: 6, pollers, streams, streaming: true, waiting: true, api: { rate: 50, burst: 100 } },
      wrong: [],
    })
  })

  test.each([
    [10, 4],
    [50, 44],
    [105, 99],
    // One call at a time is the least that an API is good for.
    [7, 1],
  ])('of %i nothing can be reserved, so nothing but the poller holds one for long', (total, burst) => {
    expect(planConcurrency(total, nothing)).toEqual({
      plan: {
        mostPollers: 6,
        pollers: undefined,
        streams: undefined,
        streaming: false,
        waiting: false,
        api: { rate: 5 * burst, burst },
      },
      wrong: [],
    })
  })

  test('of no number streams or waiting calls can take the poller’s, whatever is asked for', () => {
    for (let total = 1; total <= 1_200; total++) {
      for (const asked of [{}, { streaming: true, waits: 5 }, { streams: 40 }, { pollers: 30 }]) {
        const { plan, wrong } = planConcurrency(total, { ...nothing, ...asked })
        if (wrong.length > 0) continue
        const held = plan.streaming || plan.waiting
        expect([total, held && plan.pollers !== plan.mostPollers]).toEqual([total, false])
        expect((plan.pollers ?? 0) + (plan.streams ?? 0)).toBeLessThanOrEqual(Math.max(0, total - 100))
      }
    }
    const { wrong } = planConcurrency(105, { ...nothing, streaming: true, waits: 1 })
    expect(wrong.map((why) => why.split(':')[0])).toEqual([
      'DEPLOY_STREAMS must be no or left out',
      'WAITS_PER_USER must be 0 or left out',
    ])
  })

  test('a schedule whose pollers would take all of a small account is refused, and what it may take is not given to the API', () => {
    for (const [total, seconds, most] of [
      [10, 900, 480],
      [10, 481, 480],
      [16, 900, 840],
    ] as const) {
      const { wrong } = planConcurrency(total, { ...nothing, pollerSeconds: seconds })
      expect(wrong.map((why) => why.split(':')[0])).toEqual([`DEPLOY_POLLER_SECONDS must be at most ${most}`])
      expect(planConcurrency(total, { ...nothing, pollerSeconds: most }).wrong).toEqual([])
    }
    // A smaller fleet is no more than what calls wake: the schedule still starts one a minute.
    expect(planConcurrency(10, { ...nothing, pollers: 2 }).plan.api.burst).toBe(4)
  })

  test('the poller has as many as overlap while each runs its whole time', () => {
    expect([60, 61, 300, 900].map(fleetOf)).toEqual([2, 3, 6, 16])
  })
})

describe('an account of a thousand', () => {
  test('reserves for the poller and the streams, so that neither streams nor waiting calls take what the poller needs', async () => {
    const deployed = await deploy({ quota: 1000 })
    expect(deployed.errors).toEqual([])
    expect(reservedOf(deployed)).toEqual({ ApiHandler: undefined, Migrate: undefined, PollerHandler: 6, Stream: 100 })
    expect(deployed.outputs.concurrency).toBe('1000 functions at once: 6 reserved for the poller, 100 for live streams')
  })
})

describe('a new account, of ten', () => {
  test('is deployed without a setting: nothing reserved, no streams, no waits, and few calls at once', async () => {
    const deployed = await deploy({ quota: 10 })
    expect(deployed.errors).toEqual([])
    expect(reservedOf(deployed)).toEqual({ ApiHandler: undefined, Migrate: undefined, PollerHandler: undefined })
    const api = environmentOf(deployed, 'ApiHandler')
    expect(api).toMatchObject({ WAITS_PER_USER: '0' })
    expect(api).not.toHaveProperty('STREAM_URL')
    expect(loadApiConfig(api).WAITS_PER_USER).toBe(0)
    expect(one(deployed, 'aws:apigatewayv2/stage:Stage').inputs.defaultRouteSettings).toEqual({
      throttlingRateLimit: 20,
      throttlingBurstLimit: 4,
    })
    expect(deployed.outputs.concurrency).toContain('10 functions at once, none to reserve: no live streams')
  })

  test('refuses what it has no room for before AWS does, and says where to ask for more', async () => {
    const env = { DEPLOY_DATABASE: 'url', DEPLOY_POLLER_MAX: '10', DEPLOY_STREAM_CONCURRENCY: '50' }
    const waits = { DEPLOY_STREAMS: 'yes', WAITS_PER_USER: '3' }
    const deployed = await deploy({ quota: 10, env: { ...env, ...waits } })
    const said = deployed.errors.join()
    expect(said).toContain('DEPLOY_STREAMS must be no or left out')
    expect(said).toContain('WAITS_PER_USER must be 0 or left out')
    expect(said).toContain('DEPLOY_POLLER_MAX must be less than 10')
    expect(said).toContain('DEPLOY_STREAM_CONCURRENCY must be at most 0: the account runs 10 functions at once')
    expect(said).toContain('Service Quotas (AWS Lambda, Concurrent executions)')
    expect(deployed.resources.map(({ type }) => type)).toEqual(['pulumi:pulumi:Stack'])
  })
})

test('what is set wins over what the account would get', async () => {
  const deployed = await deploy({
    quota: 1000,
    env: {
      DEPLOY_DATABASE: 'url',
      DEPLOY_POLLER_MAX: '3',
      DEPLOY_STREAM_CONCURRENCY: '20',
      DEPLOY_API_RATE: '7',
      DEPLOY_API_BURST: '9',
    },
  })
  expect(reservedOf(deployed)).toMatchObject({ PollerHandler: 3, Stream: 20 })
  for (const name of ['ApiHandler', 'PollerHandler']) expect(environmentOf(deployed, name).POLLER_MAX).toBe('3')
  expect(one(deployed, 'aws:apigatewayv2/stage:Stage').inputs.defaultRouteSettings).toEqual({
    throttlingRateLimit: 7,
    throttlingBurstLimit: 9,
  })
  const without = await deploy({ env: { DEPLOY_DATABASE: 'url', DEPLOY_STREAMS: 'no' } })
  expect(functionNames(without)).toEqual(['ApiHandler', 'Migrate', 'PollerHandler'])
})

test('a deployer without permission to read the quota is told to set it, and then it is not read', async () => {
  const deployed = await deploy({ quota: null })
  expect(deployed.errors.join()).toContain('DEPLOY_ACCOUNT_CONCURRENCY is missing')
  expect(deployed.errors.join()).toContain('aws lambda get-account-settings')
  const told = await deploy({ quota: null, env: { DEPLOY_DATABASE: 'url', DEPLOY_ACCOUNT_CONCURRENCY: '500' } })
  expect(told.errors).toEqual([])
  expect(reservedOf(told)).toMatchObject({ PollerHandler: 6, Stream: 98 })
})
