import dns from 'node:dns'
import { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { VisionError } from '../../core/domain/errors.ts'
import { downloadImage } from '../../core/images/download.ts'
import { createLookup } from '../../core/images/resolve.ts'
import {
  type NameServer,
  noSuchName,
  refused,
  serverFailure,
  startNameServer,
  type Zone,
} from '../support/network/name-server.ts'

// Names are looked up at a server of the test's own; nothing is connected to.

let server: NameServer | undefined
afterEach(async () => {
  await server?.stop()
  server = undefined
})

interface Outcome {
  readonly error: VisionError
  readonly reached: readonly string[]
}

/** Where a download from the host would have connected to, by what the server says of names. */
async function attempt(hostname: string, zones: Readonly<Record<string, Zone>>, timeoutMs = 100): Promise<Outcome> {
  server = await startNameServer(zones)
  return download(hostname, createLookup({ servers: [server.address], timeoutMs, tries: 2 }))
}

async function download(
  hostname: string,
  lookup: ReturnType<typeof createLookup>,
  signal = new AbortController().signal,
) {
  const reached: string[] = []
  const error = await downloadImage(`https://${hostname}/`, {
    maxBytes: 1000,
    timeoutMs: 60_000,
    allowLoopbackHttp: false,
    signal,
    lookup,
    connect: (addresses) => {
      reached.push(...addresses.map(({ address }) => address))
      return new Socket().destroy(new Error('a test connects to nothing'))
    },
  }).then(
    () => Promise.reject(new Error('it was fetched')),
    (error) => error,
  )
  return { error, reached }
}

describe('what the DNS says of a host', () => {
  test('its addresses of both families are the ones that are connected to', async () => {
    const { reached } = await attempt('both.example', {
      'both.example': { addresses: ['8.8.8.8', '2606:4700::1', '8.8.4.4'] },
    })
    expect(reached).toEqual(['8.8.8.8', '8.8.4.4', '2606:4700::1'])
  })

  test.each([
    ['IPv4', '8.8.8.8'],
    ['IPv6', '2606:4700::1'],
  ])('it may have addresses of %s alone', async (_name, address) => {
    const { reached } = await attempt('one.example', { 'one.example': { addresses: [address] } })
    expect(reached).toEqual([address])
  })

  test.each([
    ['A', '8.8.8.8'],
    ['AAAA', '2606:4700::1'],
  ] as const)(
    'a server that answers for %s alone and is silent for the rest is taken at that',
    async (only, address) => {
      const { reached } = await attempt('half.example', {
        'half.example': { addresses: ['8.8.8.8', '2606:4700::1'], only },
      })
      expect(reached).toEqual([address])
    },
  )

  test('aliases lead to the addresses at their end, whatever these are', async () => {
    const by = ['b.example', 'c.example', 'd.example']
    const { reached } = await attempt('a.example', { 'a.example': { by, addresses: ['8.8.8.8'] } })
    expect(reached).toEqual(['8.8.8.8'])
  })

  test.each([
    ['an alias of a private address', { by: ['db.internal'], addresses: ['10.0.0.1'] }],
    ['a private address of the other family', { addresses: ['8.8.8.8', 'fd00:ec2::254'] }],
    ['this machine', { addresses: ['127.0.0.1', '::1'] }],
  ])('%s is forbidden', async (_name, zone) => {
    const { error, reached } = await attempt('hidden.example', { 'hidden.example': zone })
    expect(error).toMatchObject({ code: 'image.forbidden_address', errorClass: 'permanent' })
    expect(reached).toEqual([])
  })

  test.each<[string, string, Zone, RegExp]>([
    ['does not exist', 'typo.example', { rcode: noSuchName }, /does not exist/],
    ['has no address', 'mail-only.example', { addresses: [] }, /has no address/],
    ['is an alias of nothing', 'alias.example', { by: ['gone.example'], addresses: [] }, /has no address/],
  ])('a name that %s is a permanent error that says so', async (_name, hostname, zone, message) => {
    const { error } = await attempt(hostname, { [hostname]: zone })
    expect(error).toMatchObject({
      code: 'image.unknown_host',
      errorClass: 'permanent',
      message: expect.stringMatching(message),
    })
  })

  test('an invalid name is a permanent error, and no server is asked', async () => {
    const { error } = await attempt(`${'a'.repeat(64)}.example`, {})
    expect(error).toMatchObject({ code: 'image.unknown_host', errorClass: 'permanent' })
    expect(server?.queries).toEqual([])
  })

  test.each<[string, Zone]>([
    ['fails', { rcode: serverFailure }],
    ['refuses', { rcode: refused }],
    ['is silent', 'silence'],
  ])('where the server %s, another try may go better', async (_name, zone) => {
    const { error } = await attempt('sick.example', { 'sick.example': zone })
    expect(error).toMatchObject({
      code: 'image.unreachable',
      errorClass: 'retryable',
      message: expect.stringContaining('could not be looked up'),
    })
    expect(error.detail).toMatch(/^E(SERVFAIL|REFUSED|TIMEOUT)/)
  })
})

test('dead names take up none of the threads on which everybody else’s names are looked up, and leave with their jobs', async () => {
  const names = Array.from({ length: 10 }, (_, index) => `dead-${index}.example`)
  server = await startNameServer(Object.fromEntries(names.map((name) => [name, 'silence'])))
  const { lookup } = dns
  const { lookup: lookupPromised } = dns.promises
  const lookups: unknown[] = []
  const count = <Arguments extends unknown[]>(real: (...all: Arguments) => unknown) =>
    function (this: unknown, ...all: Arguments) {
      lookups.push(all[0])
      return Reflect.apply(real, this, all)
    }
  Object.assign(dns, { lookup: count(lookup as (...all: unknown[]) => unknown) })
  Object.assign(dns.promises, { lookup: count(lookupPromised as (...all: unknown[]) => unknown) })
  const leave = new AbortController()
  try {
    const find = createLookup({ servers: [server.address], timeoutMs: 60_000, tries: 2 })
    const downloads = names.map((name) => download(name, find, leave.signal))
    for (const name of names) await server.asked(name, 2)
    expect(lookups).toEqual([])
    const reason = new Error('the lease is lost')
    leave.abort(reason)
    for (const { error } of await Promise.all(downloads)) expect(error).toBe(reason)
  } finally {
    Object.assign(dns, { lookup })
    Object.assign(dns.promises, { lookup: lookupPromised })
  }
})

test('who leaves is asked for no more', async () => {
  server = await startNameServer({ 'left.example': 'silence', 'stays.example': 'silence' })
  const find = createLookup({ servers: [server.address], timeoutMs: 50, tries: 20 })
  const [leave, stay] = [new AbortController(), new AbortController()]
  const left = find('left.example', leave.signal).catch((error: unknown) => error)
  await server.asked('left.example', 4)
  const reason = new Error('the lease is lost')
  leave.abort(reason)
  expect(await left).toBe(reason)
  const before = server.queries.filter((name) => name === 'left.example').length
  // Another one is asked for again and again meanwhile.
  const stays = find('stays.example', stay.signal).catch((error: unknown) => error)
  await server.asked('stays.example', 8)
  stay.abort(reason)
  await stays
  expect(server.queries.filter((name) => name === 'left.example')).toHaveLength(before)
  await expect(find('left.example', leave.signal)).rejects.toBe(reason)
})
