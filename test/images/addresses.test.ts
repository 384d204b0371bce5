import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { VisionError } from '../../core/domain/errors.ts'
import type { Address } from '../../core/images/connect.ts'
import { downloadImage } from '../../core/images/download.ts'
import { stayOnThisMachine } from '../support/network/stay-on-this-machine.ts'

// Nothing here opens a connection: the connector writes down where one would have gone, and fails.
stayOnThisMachine()

interface Outcome {
  readonly error: VisionError
  /** Where a connection would have been opened to. */
  readonly reached: string[]
  /** The names that were looked up. */
  readonly asked: string[]
}

/** @param resolve the addresses that each look-up brings */
async function attempt(
  url: string,
  resolve: (lookups: number) => string[] = () => [],
  local = false,
): Promise<Outcome> {
  const reached: string[] = []
  const asked: string[] = []
  const error = await downloadImage(url, {
    maxBytes: 1000,
    timeoutMs: 5_000,
    allowLoopbackHttp: local,
    signal: new AbortController().signal,
    lookup: async (hostname) => {
      asked.push(hostname)
      return resolve(asked.length).map((address) => ({ address }))
    },
    connect: (addresses: readonly Address[], port) => {
      if (addresses.length === 0) reached.push('nothing')
      reached.push(...addresses.map(({ address }) => `${address} ${port}`))
      return new Socket().destroy(new Error('a test connects to nothing'))
    },
  }).then(
    () => Promise.reject(new Error('it was fetched')),
    (error) => error,
  )
  return { error, reached, asked }
}

describe('an address in the URL is forbidden, however it is spelled', () => {
  test.each([
    // IPv4, in all forms that a URL takes
    'https://127.0.0.1/',
    'https://127.0.0.1:8443/',
    'https://127.0.0.1./',
    'https://127.255.255.254/',
    'https://127.1/',
    'https://127.0.1/',
    'https://2130706433/',
    'https://2130706433./',
    'https://0x7f000001/',
    'https://0X7F000001/',
    'https://0x7f.1/',
    'https://0x7f.0x0.0x0.0x1/',
    'https://0177.0.0.1/',
    'https://0177.0x0.1/',
    'https://00000177.0.0.1/',
    'https://017700000001/',
    'https://0/',
    'https://0x/',
    'https://0.0.0.0/',
    'https://10.1.2.3/',
    'https://167838211/',
    'https://012.1.2.3/',
    'https://172.16.0.1/',
    'https://172.31.255.255/',
    'https://192.168.0.1/',
    'https://0300.0250.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://2852039166/latest/meta-data/',
    'https://0xa9fea9fe/',
    'https://0251.0376.0251.0376/',
    'https://169.254.43518/',
    'https://169.254.170.2/v2/credentials',
    'https://100.100.100.200/latest/meta-data/',
    'https://168.63.129.16/metadata/',
    'https://192.0.0.192/opc/v1/',
    'https://255.255.255.255/',
    'https://4294967295/',
    // other digits, dots and escapes that a URL parser makes plain ones of
    'https://１２７.０.０.１/',
    'https://①②⑦.⓪.⓪.①/',
    'https://𝟙𝟚𝟟.𝟘.𝟘.𝟙/',
    'https://127。0。0。1/',
    'https://127．0｡0．1/',
    'https://%31%32%37.%30.0.1/',
    'https://127%2E0.0.1/',
    'https://12\u00ad7.0.0.1/',
    'https://127.0\t.0.1/',
    'https:127.0.0.1/',
    'https:/\\127.0.0.1/',
    'https:////127.0.0.1/',
    'https://127.0.0.1\\@images.example/',
    'https://127.0.0.1#@images.example/',
    '  https://127.0.0.1/  ',
    'HTTPS://127.0.0.1/',
    // IPv6
    'https://[::1]/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[0000:0000:0000:0000:0000:0000:0000:0001]/',
    'https://[::0.0.0.1]/',
    'https://[::]/',
    'https://[fe80::1]/',
    'https://[fe80::a9fe:a9fe]/',
    'https://[fec0::1]/',
    'https://[fc00::1]/',
    'https://[fd00:ec2::254]/latest/meta-data/',
    'https://[FD00:EC2::254]/latest/meta-data/',
    'https://[ff02::1]/',
    // IPv6 that embeds an IPv4 address: mapped, compatible, translated, NAT64, 6to4, Teredo
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[::FFFF:7F00:0001]/',
    'https://[0:0:0:0:0:ffff:169.254.169.254]/',
    'https://[::ffff:10.0.0.1]/',
    'https://[::127.0.0.1]/',
    'https://[::7f00:1]/',
    'https://[::a9fe:a9fe]/',
    'https://[::ffff:0:127.0.0.1]/',
    'https://[64:ff9b::127.0.0.1]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://[64:ff9b:1::10.0.0.1]/',
    'https://[64:ff9b:1:ffff:ffff::1]/',
    'https://[2002:7f00:1::]/',
    'https://[2002:a9fe:a9fe::1]/',
    'https://[2001:0:a9fe:a9fe::1]/',
    'https://[2001::5601:5601]/',
  ])('%s', async (url) => {
    const { error, reached, asked } = await attempt(url)
    expect(error).toMatchObject({ code: 'image.forbidden_address', errorClass: 'permanent' })
    expect({ reached, asked }).toEqual({ reached: [], asked: [] })
  })
})

describe('a URL that is no way to reach a public address is refused before anything is looked up', () => {
  test.each([
    'https://[fe80::1%25eth0]/',
    'https://[::1%25lo]/',
    'https://[::1%lo]/',
    'https://[::ffff:0x7f.1]/',
    'https://127.0.0.1%00/',
    'https://127.0.0.256/',
    'https://4294967296/',
    'https://08.0.0.1/',
    'https://1.2.3.4.5/',
    'https://user@127.0.0.1/',
    'https://images.example@127.0.0.1/',
    'https://images.example:443@127.0.0.1/',
    'https://@@127.0.0.1/',
    'http://127.0.0.1/',
    'http://[::1]/',
    'http://localhost/',
    'http://images.example/',
    'ftp://images.example/',
    'gopher://127.0.0.1:11211/_stats',
    'file:///etc/passwd',
    '//127.0.0.1/',
    'https://',
    // the system ports but 443
    'https://images.example:22/',
    'https://images.example:25/',
    'https://images.example:80/',
    'https://images.example:1023/',
    'https://images.example:0/',
    'https://images.example:65536/',
  ])('%s', async (url) => {
    const { error, reached, asked } = await attempt(url, () => ['8.8.8.8'])
    expect(error).toMatchObject({ code: 'image.invalid_url', errorClass: 'permanent' })
    expect({ reached, asked }).toEqual({ reached: [], asked: [] })
  })
})

// Each range by its first and last address, and the public addresses right beside it, where there are any.
const ranges: readonly (readonly [name: string, first: string, last: string, beside: readonly string[]])[] = [
  ['this network', '0.0.0.0', '0.255.255.255', ['1.0.0.0']],
  ['private 10/8', '10.0.0.0', '10.255.255.255', ['9.255.255.255', '11.0.0.0']],
  ['carrier-grade NAT', '100.64.0.0', '100.127.255.255', ['100.63.255.255', '100.128.0.0']],
  ['loopback', '127.0.0.0', '127.255.255.255', ['126.255.255.255', '128.0.0.0']],
  ['Azure metadata', '168.63.129.16', '168.63.129.16', ['168.63.129.15', '168.63.129.17']],
  ['link-local', '169.254.0.0', '169.254.255.255', ['169.253.255.255', '169.255.0.0']],
  ['private 172.16/12', '172.16.0.0', '172.31.255.255', ['172.15.255.255', '172.32.0.0']],
  ['protocol assignments', '192.0.0.0', '192.0.0.255', ['191.255.255.255', '192.0.1.0']],
  ['documentation 1', '192.0.2.0', '192.0.2.255', ['192.0.1.255', '192.0.3.0']],
  ['AS112', '192.31.196.0', '192.31.196.255', ['192.31.195.255', '192.31.197.0']],
  ['multicast tunnels', '192.52.193.0', '192.52.193.255', ['192.52.192.255', '192.52.194.0']],
  ['6to4 relays', '192.88.99.0', '192.88.99.255', ['192.88.98.255', '192.88.100.0']],
  ['private 192.168/16', '192.168.0.0', '192.168.255.255', ['192.167.255.255', '192.169.0.0']],
  ['AS112, direct', '192.175.48.0', '192.175.48.255', ['192.175.47.255', '192.175.49.0']],
  ['benchmarks', '198.18.0.0', '198.19.255.255', ['198.17.255.255', '198.20.0.0']],
  ['documentation 2', '198.51.100.0', '198.51.100.255', ['198.51.99.255', '198.51.101.0']],
  ['documentation 3', '203.0.113.0', '203.0.113.255', ['203.0.112.255', '203.0.114.0']],
  ['multicast', '224.0.0.0', '239.255.255.255', ['223.255.255.255']],
  ['reserved', '240.0.0.0', '255.255.255.255', []],
  ['IPv6 below the global space', '::', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['2000::']],
  ['IPv6 above it', '4000::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['3ffd:ffff::']],
  ['IPv6 mapped, of a public address', '::ffff:8.8.8.8', '::ffff:808:808', []],
  ['NAT64, of a public address', '64:ff9b::8.8.8.8', '64:ff9b::808:808', []],
  ['IPv6 protocol assignments', '2001::', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff', ['2000:ffff::1', '2001:200::']],
  ['IPv6 documentation', '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', ['2001:db7:ffff::', '2001:db9::']],
  ['6to4', '2002::', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['2001:ffff::1', '2003::']],
  ['IPv6 AS112', '2620:4f:8000::', '2620:4f:8000:ffff:ffff:ffff:ffff:ffff', ['2620:4f:7fff::', '2620:4f:8001::']],
  ['6bone', '3ffe::', '3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['3ffd:ffff::1']],
  ['IPv6 documentation 2', '3fff::', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff', ['3fff:1000::']],
  ['with a zone', '2606:4700::1%eth0', '2606:4700::1%1', ['2606:4700::1']],
  ['no plain spelling', '0x08.8.8.8', '134744072', ['8.8.8.8']],
  ['no address', 'localhost', '', []],
]

describe('a name that resolves to what is not public', () => {
  test.each(ranges)('%s is forbidden, from %s to %s', async (_name, first, last) => {
    for (const address of [first, last]) {
      const { error, reached } = await attempt('https://images.example/', () => [address])
      expect(error, address).toMatchObject({ code: 'image.forbidden_address', errorClass: 'permanent' })
      expect(error.message).not.toContain(address || 'localhost')
      expect(reached).toEqual([])
    }
  })

  test('what lies right beside it is reached', async () => {
    for (const address of ranges.flatMap(([, , , beside]) => beside)) {
      const { error, reached } = await attempt('https://images.example/', () => [address])
      expect(error, address).toMatchObject({ code: 'image.unreachable', errorClass: 'retryable' })
      expect(reached).toEqual([`${address} 443`])
    }
  })

  test.each([
    'https://localhost.images.example/',
    'https://localhosts/',
    'https://metadata.google.internal/',
    'https://metadata/',
    'https://127.0.0.1.nip.example/',
    'https://127.0.0.1../',
    'https://alias-of-an-alias.images.example/',
    'https://xn--bcher-kva.example/',
  ])('%s is judged by its addresses, not by its name', async (url) => {
    const forbidden = await attempt(url, () => ['127.0.0.1'])
    expect(forbidden.error.code).toBe('image.forbidden_address')
    expect(forbidden.reached).toEqual([])
    expect(forbidden.asked).toHaveLength(1)
  })
})

test.each([
  'https://localhost/',
  'https://LOCALHOST/',
  'https://localhost./',
  'https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/',
  'https://loc\u00adalhost/',
  'https://images.localhost/',
])('%s is this machine, whatever a resolver says', async (url) => {
  const { error, reached, asked } = await attempt(url, () => ['8.8.8.8'])
  expect(error.code).toBe('image.forbidden_address')
  expect({ reached, asked }).toEqual({ reached: [], asked: [] })
})

describe('a hostile resolver', () => {
  test('that answers a public address first and a private one after gets the first one connected to', async () => {
    const { reached, asked } = await attempt('https://images.example/', (lookups) => [
      lookups === 1 ? '8.8.8.8' : '127.0.0.1',
    ])
    expect(reached).toEqual(['8.8.8.8 443'])
    expect(asked).toEqual(['images.example'])
  })

  test.each([
    [['8.8.8.8', '10.0.0.1']],
    [['10.0.0.1', '8.8.8.8']],
    [['2606:4700::1', '8.8.8.8', '::1']],
    [['8.8.8.8', '64:ff9b::808:808']],
    [['8.8.8.8', 'images.example']],
  ])('that mixes %j is not believed at all', async (answers) => {
    const { error, reached } = await attempt('https://images.example/', () => answers)
    expect(error.code).toBe('image.forbidden_address')
    expect(reached).toEqual([])
  })

  test('that answers nothing is retryable', async () => {
    const { error, reached } = await attempt('https://images.example/', () => [])
    expect(error).toMatchObject({ code: 'image.unreachable', errorClass: 'retryable' })
    expect(reached).toEqual([])
  })

  test('that fails is retryable', async () => {
    const { error } = await attempt('https://images.example/', () => {
      throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
    })
    expect(error).toMatchObject({ code: 'image.unreachable', errorClass: 'retryable' })
  })
})

test('all addresses of a name are handed on as they were checked, with the port of the URL', async () => {
  const { reached } = await attempt('https://images.example:8443/', () => ['8.8.8.8', '2606:4700::1'])
  expect(reached).toEqual(['8.8.8.8 8443', '2606:4700::1 8443'])
})

test.each([
  ['https://8.8.8.8/', '8.8.8.8 443'],
  ['https://134744072/', '8.8.8.8 443'],
  ['https://[2606:4700:0::1]:1024/', '2606:4700::1 1024'],
])('a public address in the URL is reached without a look-up: %s', async (url, expected) => {
  const { reached, asked } = await attempt(url)
  expect({ reached, asked }).toEqual({ reached: [expected], asked: [] })
})

describe('in local mode', () => {
  test.each([
    ['http://127.0.0.1:3000/', '127.0.0.1 3000'],
    ['http://127.9.9.9/', '127.9.9.9 80'],
    ['http://[::1]:3000/', '::1 3000'],
    ['http://localhost:3000/', '127.0.0.1 3000'],
    ['http://0x7f.1:3000/', '127.0.0.1 3000'],
  ])('%s is reached, without a look-up', async (url, expected) => {
    const { reached, asked } = await attempt(url, () => ['8.8.8.8'], true)
    expect({ reached, asked }).toEqual({ reached: [expected], asked: [] })
  })

  test.each([
    'http://10.0.0.1/',
    'http://0.0.0.0/',
    'http://169.254.169.254/',
    'http://[::ffff:127.0.0.1]/',
    'http://[fe80::1]/',
    'http://127.0.0.1.images.example/',
    'http://localhost.images.example/',
    'http://images.localhost/',
    'http://8.8.8.8/',
  ])('%s is not', async (url) => {
    const { error, reached, asked } = await attempt(url, () => ['127.0.0.1'], true)
    expect(error.code).toBe('image.invalid_url')
    expect({ reached, asked }).toEqual({ reached: [], asked: [] })
  })

  test.each(['https://127.0.0.1/', 'https://localhost/'])('%s is not either: loopback is for http', async (url) => {
    const { error, reached } = await attempt(url, () => ['127.0.0.1'], true)
    expect(error.code).toBe('image.forbidden_address')
    expect(reached).toEqual([])
  })
})
