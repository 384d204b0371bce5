import { describe, expect, test } from 'vitest'
import { createTickets } from '../../core/live/slots/tickets.ts'
import { createAuthenticator, signToken } from '../../core/platform/auth.ts'
import { loadStreamConfig, type StreamConfig } from '../../core/platform/config/stream.ts'
import { commandsOf } from './runbook.ts'

// Rotating a secret by the very lines of docs/deploying.md: at each deployment functions from before and after it run side by side.

const values: Readonly<Record<string, string>> = {
  OLD: 'the old secret, which has 32 bytes or more',
  NEW: 'the new secret, which has 32 bytes or more',
}
const keys: Readonly<Record<string, string>> = {
  AuthSecret: 'AUTH_SECRET',
  AuthSecretPrevious: 'AUTH_SECRET_PREVIOUS',
  StreamSecret: 'STREAM_SECRET',
  StreamSecretPrevious: 'STREAM_SECRET_PREVIOUS',
}
const now = Date.parse('2026-11-27T00:00:00Z')

/** The settings of the functions: those from before, and those that each deployment of the block makes. */
function deploymentsOf(secret: 'AuthSecret' | 'StreamSecret'): readonly StreamConfig[] {
  const set: Record<string, string> = {
    AUTH_SECRET: 'a secret that stays, which has 32 bytes or more',
    [keys[secret] ?? '']: values.OLD ?? '',
  }
  const load = () =>
    // As infra/functions.ts does it: no function gets an empty value.
    loadStreamConfig({
      DATABASE_URL: 'mysql://root@127.0.0.1/x',
      ...Object.fromEntries(Object.entries(set).filter(([, value]) => value !== '')),
    })
  const configs = [load()]
  for (const command of commandsOf(`rotate ${secret}`)) {
    const [, name, value] = /^npx sst secret set (\w+) "(.*)" --stage production$/.exec(command) ?? []
    if (name !== undefined && value !== undefined) {
      const key = keys[name]
      if (key === undefined) throw new Error(`${command}: there is no such secret`)
      set[key] = value.startsWith('$') ? (values[value.slice(1)] ?? '') : value
    } else {
      expect(command).toBe('npx sst deploy --stage production')
      configs.push(load())
    }
  }
  return configs
}

const ticketOf = (config: StreamConfig) =>
  createTickets(config, () => now).sign({ scope: 'jobs', userId: 'ann', expiresAt: new Date(now + 60_000) })
const checks = (config: StreamConfig, ticket: string) => createTickets(config, () => now).check(ticket, 'jobs')
const tokenOf = (secret: string) => signToken(secret, { userId: 'ann', scopes: [], lifeSeconds: 60, now })
const admits = (config: StreamConfig, token: string) => {
  const headers = { authorization: `Bearer ${token}` }
  return createAuthenticator(config, () => now)(new Request('http://api.example', { headers }), undefined)
}

describe.each(['AuthSecret', 'StreamSecret'] as const)('%s', (secret) => {
  const configs = deploymentsOf(secret)

  test('is rotated in three deployments, and ends as the new one alone', () => {
    expect(configs).toHaveLength(4)
    const {
      [keys[secret] as 'AUTH_SECRET']: current,
      [keys[`${secret}Previous`] as 'AUTH_SECRET_PREVIOUS']: previous,
    } = configs.at(-1) ?? {}
    expect([current, previous]).toEqual([values.NEW, undefined])
  })

  test.each([1, 2, 3])('deployment %i: what either function signs, either accepts', async (index) => {
    const pair = configs.slice(index - 1, index + 1)
    for (const signer of pair) {
      const ticket = await ticketOf(signer)
      for (const checker of pair) expect(await checks(checker, ticket)).toMatchObject({ userId: 'ann' })
    }
  })

  test('links of the old one are good until the last deployment, and no longer', async () => {
    const [before, ...after] = configs
    const ticket = await ticketOf(before as StreamConfig)
    for (const config of after.slice(0, 2)) expect(await checks(config, ticket)).toMatchObject({ userId: 'ann' })
    await expect(checks(after[2] as StreamConfig, ticket)).rejects.toMatchObject({ code: 'request.unauthenticated' })
  })
})

test('tokens of the old secret are good until the last deployment, those of the new one from the second on', async () => {
  const configs = deploymentsOf('AuthSecret')
  const [old, fresh] = [await tokenOf(values.OLD ?? ''), await tokenOf(values.NEW ?? '')]
  for (const config of configs.slice(0, 3)) expect(await admits(config, old)).toMatchObject({ userId: 'ann' })
  for (const config of configs.slice(1)) expect(await admits(config, fresh)).toMatchObject({ userId: 'ann' })
  await expect(admits(configs[3] as StreamConfig, old)).rejects.toMatchObject({ code: 'request.unauthenticated' })
})
