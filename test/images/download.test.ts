import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer, Socket } from 'node:net'
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { VisionError } from '../../core/domain/errors.ts'
import { connectToFirst } from '../../core/images/connect.ts'
import { detectImage } from '../../core/images/detect.ts'
import { type DownloadOptions, downloadImage } from '../../core/images/download.ts'
import { checkImageUrl } from '../../core/images/image-url.ts'
import { makeCertificate } from '../support/network/certificate.ts'
import {
  answer,
  type Behaviour,
  drip,
  flood,
  type HostileServer,
  startHostileServer,
} from '../support/network/hostile-server.ts'
import { stayOnThisMachine } from '../support/network/stay-on-this-machine.ts'

// The whole way of a download over real sockets, set as in the cloud: images.example "resolves" to a public address, and
// the connector, instead of going there, goes to the server of the test on 127.0.0.1.

stayOnThisMachine()

const certificate = makeCertificate(['images.example', 'other.example', '8.8.4.4', 'localhost'])
const base = 'https://images.example'
let server: HostileServer
let connections: string[]

beforeAll(async () => {
  server = await startHostileServer(certificate)
})
beforeEach(() => {
  server.reset()
  connections = []
})
// Whatever happened, no connection is left open.
afterEach(() => server.allGone())
afterAll(() => server.stop())

const options = (changes: Partial<DownloadOptions> = {}): DownloadOptions => ({
  maxBytes: 1000,
  timeoutMs: 60_000,
  allowLoopbackHttp: false,
  signal: new AbortController().signal,
  lookup: async (hostname) => {
    if (!hostname.endsWith('.example')) throw new Error(`${hostname} is looked up`)
    return [{ address: '8.8.8.8' }]
  },
  connect: (addresses, port) => {
    connections.push(...addresses.map(({ address }) => `${address} ${port}`))
    return connectToFirst([{ address: '127.0.0.1', family: 4 }], server.port)
  },
  certificateAuthorities: certificate.cert,
  // On a busy machine a body may come slowly; the test of the rate sets its own.
  slowest: { bytes: 0, ms: 60_000 },
  ...changes,
})
const textOf = async (url: string, changes = {}) => Buffer.from(await downloadImage(url, options(changes))).toString()
const errorOf = (url: string, changes = {}): Promise<VisionError> =>
  downloadImage(url, options(changes)).then(
    () => Promise.reject(new Error('it was fetched')),
    (error) => error,
  )
const head = (status: string, ...headers: string[]) => [`HTTP/1.1 ${status}`, ...headers, '', ''].join('\r\n')
const redirectTo = (location: string) => answer(head('302 Found', `location: ${location}`, 'set-cookie: a=b'))

test('brings the bytes, and sends neither cookies nor credentials nor a referrer', async () => {
  server.behave((connection, path) => {
    if (path === '/a?b=c') redirectTo('https://other.example:8443/d#e')(connection, path)
    else answer(head('200 OK', 'content-length: 10'), 'some bytes')(connection, path)
  })
  expect(await textOf(`${base}/a?b=c`, { userAgent: 'acme/1.0 (+https://acme.example)' })).toBe('some bytes')
  const headers = [
    'accept: image/*, */*;q=0.1',
    'accept-encoding: identity',
    'user-agent: acme/1.0 (+https://acme.example)',
  ]
  expect(server.requests.map((request) => request.trim().split('\r\n'))).toEqual([
    ['GET /a?b=c HTTP/1.1', ...headers, 'Host: images.example', 'Connection: close'],
    ['GET /d HTTP/1.1', ...headers, 'Host: other.example:8443', 'Connection: close'],
  ])
  expect(server.handshakes).toEqual(['images.example http/1.1', 'other.example http/1.1'])
  expect(connections).toEqual(['8.8.8.8 443', '8.8.8.8 8443'])
})

describe('what it answers decides whether another try is worth it', () => {
  test.each([
    ['404 Not Found', 'image.not_found', 'permanent'],
    ['410 Gone', 'image.not_found', 'permanent'],
    ['401 Unauthorized', 'image.refused', 'permanent'],
    ['403 Forbidden', 'image.refused', 'permanent'],
    ['206 Partial Content', 'image.refused', 'permanent'],
    ['302 Found', 'image.refused', 'permanent'],
    ['408 Request Timeout', 'image.unreachable', 'retryable'],
    ['425 Too Early', 'image.unreachable', 'retryable'],
    ['429 Too Many Requests', 'image.unreachable', 'retryable'],
    ['500 Oops', 'image.unreachable', 'retryable'],
    ['503 Busy', 'image.unreachable', 'retryable'],
  ])('%s is %s, %s', async (status, code, errorClass) => {
    server.behave(answer(head(status, 'content-length: 5'), 'hello'))
    const message = `The image server answered ${Number(status.slice(0, 3))}.`
    expect(await errorOf(base)).toMatchObject({ code, errorClass, message })
  })

  test.each(['204 No Content', '304 Not Modified'])('a body after %s is not taken for one', async (status) => {
    server.behave(answer(head(status, 'content-length: 5'), 'hello'))
    expect(await errorOf(base)).toMatchObject({ code: 'image.refused', errorClass: 'permanent' })
  })

  test.each([
    ['is closed at once', answer()],
    ['is cut within the head', answer('HTTP/1.1 200 OK\r\ncontent-le')],
    ['is cut within the body', answer(head('200 OK', 'content-length: 100'), 'part')],
    ['is cut within a chunk', answer(head('200 OK', 'transfer-encoding: chunked'), 'a\r\npart')],
    ['is cut before the last chunk', answer(head('200 OK', 'transfer-encoding: chunked'), '4\r\npart\r\n')],
    ['is cut within a packed body', answer(head('200 OK', 'content-encoding: gzip'), gzipSync('part').subarray(0, 20))],
    ['switches to another protocol', answer(head('101 Switching Protocols', 'connection: upgrade', 'upgrade: x'))],
  ])('a connection that %s is retryable', async (_name, behaviour) => {
    server.behave(behaviour)
    expect(await errorOf(base)).toMatchObject({ code: 'image.unreachable', errorClass: 'retryable' })
  })

  test.each([
    ['no HTTP at all', answer('SSH-2.0-OpenSSH_9.2\r\n')],
    ['an HTML page without a head', answer('<!doctype html><title>Sign in</title>\r\n\r\n')],
    ['two lengths', answer(head('200 OK', 'content-length: 4', 'content-length: 5'), 'hello')],
    ['a chunk of no size', answer(head('200 OK', 'transfer-encoding: chunked'), 'z\r\nhello\r\n')],
  ])('%s is a permanent error that says so', async (_name, behaviour) => {
    server.behave(behaviour)
    expect(await errorOf(base)).toMatchObject({ code: 'image.invalid_response', errorClass: 'permanent' })
  })

  // Each of these is answered to curl with the body.
  const ok = (...headers: readonly string[]) => head('200 OK', ...headers)
  test.each([
    ['lines that end with LF alone', 'HTTP/1.1 200 OK\ncontent-length: 5\n\nhello'],
    ['a blank before a colon', `${ok('content-length : 5')}hello`],
    ['a control character in a header', `${ok('x-title: a\x01b', 'content-length: 5')}hello`],
    ['a header in UTF-8', `${ok('x-title: Sommerfrüchte 夏', 'content-length: 5')}hello`],
    ['a length beside chunks', `${ok('content-length: 9', 'transfer-encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`],
    ['chunk sizes followed by blanks', `${ok('transfer-encoding: chunked')}5  \r\nhello\r\n0\r\n\r\n`],
    ['a reason of its own', `${head('200 Alles gut: ✓', 'content-length: 5')}hello`],
    ['no reason', `${head('200', 'content-length: 5')}hello`],
    ['HTTP/1.0 and no length', 'HTTP/1.0 200 OK\r\n\r\nhello'],
    [
      '50 KB of headers',
      `${ok(...Array<string>(50).fill(`set-cookie: a=${'x'.repeat(1_000)}`), 'content-length: 5')}hello`,
    ],
    ['an encoding that is none', `${ok('content-encoding: utf-8', 'content-length: 5')}hello`],
    ['an encoding left over from an upload', `${ok('content-encoding: aws-chunked', 'content-length: 5')}hello`],
    ['an encoding named like a property of every object', `${ok('content-encoding: constructor')}hello`],
  ])('%s is read as other clients read it', async (_name, text) => {
    server.behave(answer(text))
    expect(await textOf(base)).toBe('hello')
  })

  test('a body longer than it was announced is cut', async () => {
    server.behave(answer(head('200 OK', 'content-length: 4'), 'four and more'))
    expect(await textOf(base)).toBe('four')
  })

  test('a type that lies changes nothing: the bytes are brought as they are', async () => {
    server.behave(answer(head('200 OK', 'content-type: image/png'), '<!doctype html><title>404</title>'))
    const bytes = await downloadImage(base, options())
    expect(() => detectImage(bytes)).toThrow('an HTML page')
    const png = await readFile(new URL('../fixtures/images/red.png', import.meta.url))
    server.behave(answer(head('200 OK', 'content-type: text/html'), png))
    expect(detectImage(await downloadImage(base, options())).type).toBe('image/png')
  })
})

describe('bytes are bounded', () => {
  const zeros = Buffer.alloc(65_536)
  const chunked = head('200 OK', 'transfer-encoding: chunked')

  test('exactly as many as allowed are taken, one more is not', async () => {
    server.behave((connection, path) => answer(head('200 OK'), 'x'.repeat(Number(path.slice(1))))(connection, path))
    expect(await textOf(`${base}/1000`)).toHaveLength(1000)
    expect(await errorOf(`${base}/1001`)).toMatchObject({ code: 'image.too_large', errorClass: 'permanent' })
  })

  test('an announced size over the limit is refused before it is read', async () => {
    server.behave((connection) => void connection.write(head('200 OK', 'content-length: 1001')))
    expect(await errorOf(base)).toMatchObject({ code: 'image.too_large' })
  })

  test.each([
    ['body', flood(head('200 OK'), zeros)],
    ['body in chunks', flood(chunked, `10000\r\n${'x'.repeat(65_536)}\r\n`)],
    ['body in tiny chunks', flood(chunked, '1\r\nx\r\n'.repeat(1000))],
  ])('an endless %s is cut off at the limit', async (_name, behaviour) => {
    server.behave(behaviour)
    expect(await errorOf(base, { maxBytes: 200_000 })).toMatchObject({ code: 'image.too_large' })
  })

  test.each([
    ['header', flood('HTTP/1.1 200 OK\r\nx: ', 'x'.repeat(1000))],
    ['list of headers', flood('HTTP/1.1 200 OK\r\n', 'x: y\r\n'.repeat(1000))],
    ['chunk extension', flood(`${chunked}1;`, 'x'.repeat(1000))],
    ['list of trailers', flood(`${chunked}1\r\nx\r\n0\r\n`, 'x: y\r\n'.repeat(1000))],
    ['line of status', flood('HTTP/1.1 200 ', 'x'.repeat(1000))],
  ])('an endless %s ends the connection', async (_name, behaviour) => {
    server.behave(behaviour)
    expect(await errorOf(base)).toMatchObject({ code: 'image.invalid_response', errorClass: 'permanent' })
  })

  test.each([
    ['gzip', createGzip],
    ['deflate', createDeflate],
    ['br', () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
    ['zstd', createZstdCompress],
  ])('a bomb of %s ends at the limit, unpacked, and does not fill the memory', async (encoding, createPacker) => {
    server.behave((connection) => {
      connection.write(head('200 OK', `content-encoding: ${encoding}`))
      const packer = createPacker()
      flood('', zeros)(packer as unknown as Socket, '')
      packer.pipe(connection)
      connection.on('close', () => packer.destroy())
    })
    const before = process.memoryUsage().arrayBuffers
    expect(await errorOf(base, { maxBytes: 5_000_000 })).toMatchObject({ code: 'image.too_large' })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(60_000_000)
  })

  test('a packed body that goes on for ever and holds nothing ends at the limit, packed', async () => {
    server.behave(flood(head('200 OK', 'content-encoding: gzip'), gzipSync('')))
    expect(await errorOf(base)).toMatchObject({ code: 'image.too_large' })
  })
})

describe('a packed body, although none was asked for,', () => {
  const packed: Record<string, (text: string) => Uint8Array> = {
    gzip: gzipSync,
    'x-gzip': gzipSync,
    GZIP: gzipSync,
    'identity, gzip': gzipSync,
    deflate: deflateSync,
    br: brotliCompressSync,
    zstd: zstdCompressSync,
    identity: (text) => Buffer.from(text),
  }
  test('is unpacked: deflate without zlib’s frame, also where it comes byte by byte', async () => {
    const body = deflateRawSync('some bytes '.repeat(50))
    server.behave(answer(head('200 OK', 'content-encoding: deflate'), body))
    expect(await textOf(base)).toBe('some bytes '.repeat(50))
    server.behave(async (connection) => {
      connection.write(head('200 OK', 'content-encoding: deflate, aws-chunked'))
      for (const byte of body) {
        connection.write(Buffer.from([byte]))
        await new Promise((resolve) => setImmediate(resolve))
      }
      connection.end()
    })
    expect(await textOf(base)).toBe('some bytes '.repeat(50))
  })

  test('is cut off at the limit where it is a bomb of bare deflate', async () => {
    server.behave(answer(head('200 OK', 'content-encoding: deflate'), deflateRawSync(Buffer.alloc(1_000_000))))
    expect(await errorOf(base, { maxBytes: 10_000 })).toMatchObject({ code: 'image.too_large' })
  })

  test.each(Object.entries(packed))('is unpacked: %s', async (encoding, pack) => {
    server.behave(answer(head('200 OK', `content-encoding: ${encoding}`), pack('some bytes '.repeat(50))))
    expect(await textOf(base)).toBe('some bytes '.repeat(50))
  })

  test.each([
    ['in a way that is not unpacked', 'compress', Buffer.from('hello')],
    ['in a way that is not unpacked, besides another', 'x-compress, identity', Buffer.from('hello')],
    ['twice', 'gzip, gzip', gzipSync(gzipSync('hello'))],
    ['in two ways', 'br,gzip', gzipSync(brotliCompressSync('hello'))],
    ['by name only, gzip', 'gzip', Buffer.from('hello, this is not packed')],
    ['by name only, deflate', 'deflate', Buffer.from('hello, this is not packed')],
    ['by name only, br', 'br', Buffer.from('hello, this is not packed')],
    ['by name only, zstd', 'zstd', Buffer.from('hello, this is not packed')],
    // A frame that asks for a window of 128 MB; RFC 9659 allows 8.
    ['with a window that is too large', 'zstd', Buffer.from('28b52ffd0088010000', 'hex')],
  ])('is refused where it was packed %s', async (_name, encoding, body) => {
    server.behave(answer(head('200 OK', `content-encoding: ${encoding}`), body))
    expect(await errorOf(base)).toMatchObject({ code: 'image.unsupported_encoding', errorClass: 'permanent' })
  })
})

describe('the total time is bounded', () => {
  const silent: Behaviour = () => {}
  const continued = (status: string) => drip('', head(status))

  test.each([
    ['says nothing', silent],
    ['drips its head', drip('HTTP/1.1 200 OK\r\nx: ', 'x')],
    ['drips its headers', drip('HTTP/1.1 200 OK\r\n', 'x: y\r\n')],
    ['drips its body', drip(head('200 OK'), '.')],
    ['drips its body packed', drip(head('200 OK', 'content-encoding: gzip'), gzipSync('.'), 50)],
    ['drips chunks', drip(head('200 OK', 'transfer-encoding: chunked'), '1\r\n.\r\n')],
    ['stops within its body', (connection: Socket) => void connection.write(head('200 OK', 'content-length: 9'))],
    ['says 100 again and again', continued('100 Continue')],
    ['says 102 again and again', continued('102 Processing')],
    ['says 103 again and again', continued('103 Early Hints')],
    ['floods 100', flood('', head('100 Continue').repeat(100))],
    ['redirects slowly', (c: Socket, path: string) => void setTimeout(() => redirectTo('/')(c, path), 60)],
  ])('where a server %s', async (_name, behaviour) => {
    server.behave(behaviour)
    expect(await errorOf(base, { timeoutMs: 200 })).toMatchObject({ code: 'image.timed_out', errorClass: 'retryable' })
  })

  test('where a body brings too little in a window, long before the time is up', async () => {
    server.behave(drip(head('200 OK', 'content-length: 1000'), '.'))
    const slowest = { bytes: 100, ms: 200 }
    expect(await errorOf(base, { timeoutMs: 600_000, slowest })).toMatchObject({
      code: 'image.timed_out',
      errorClass: 'retryable',
      message: expect.stringContaining('too slowly'),
    })
  })

  test('where a name is never resolved', async () => {
    const lookup = () => new Promise<never>(() => {})
    expect(await errorOf(base, { timeoutMs: 100, lookup })).toMatchObject({ code: 'image.timed_out' })
  })

  test('where a connection is never made', async () => {
    const socket = new Socket()
    expect(await errorOf(base, { timeoutMs: 100, connect: () => socket })).toMatchObject({ code: 'image.timed_out' })
    expect(socket.destroyed).toBe(true)
  })

  test('where a handshake is never made', async () => {
    const mute = createServer((connection) => void connection.resume())
    await once(mute.listen(0, '127.0.0.1'), 'listening')
    const connect = () => connectToFirst([{ address: '127.0.0.1', family: 4 }], (mute.address() as AddressInfo).port)
    expect(await errorOf(base, { timeoutMs: 100, connect })).toMatchObject({ code: 'image.timed_out' })
    // It closes only when its client is gone.
    await new Promise((resolve) => mute.close(resolve))
  })
})

test('a fetch that is aborted rejects with the reason, before its time and in its midst', async () => {
  server.behave(drip(head('200 OK'), '.'))
  const reason = new Error('the lease is lost')
  await expect(downloadImage(base, options({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), 100)
  await expect(downloadImage(base, options({ signal: controller.signal }))).rejects.toBe(reason)
})

describe('redirects', () => {
  const countTo = (last: number): Behaviour => {
    return (connection, path) => {
      const hop = Number(path.slice(1))
      const behaviour = hop === last ? answer(head('200 OK'), 'there') : redirectTo(`/${hop + 1}`)
      behaviour(connection, path)
    }
  }

  test('are followed, relative ones too, at most five', async () => {
    server.behave(countTo(5))
    expect(await textOf(`${base}/0`)).toBe('there')
    server.behave(countTo(6))
    expect(await errorOf(`${base}/0`)).toMatchObject({ code: 'image.too_many_redirects', errorClass: 'permanent' })
    expect(server.requests).toHaveLength(6 + 6)
  })

  test.each(['/', `${base}/`, 'https://other.example/'])('in a loop, to %s, end', async (location) => {
    server.behave(redirectTo(location))
    expect(await errorOf(base)).toMatchObject({ code: 'image.too_many_redirects' })
    expect(connections).toHaveLength(6)
  })

  test.each(['301 Moved', '302 Found', '303 See Other', '307 Temporary', '308 Permanent'])(
    '%s is one',
    async (status) => {
      server.behave((connection, path) => {
        const behaviour = path === '/' ? answer(head(status, 'location: /there')) : answer(head('200 OK'), 'there')
        behaviour(connection, path)
      })
      expect(await textOf(base)).toBe('there')
    },
  )

  test('are followed to what is written in UTF-8, in latin1, or is longer than a job’s own URL may be', async () => {
    const long = `/${'a'.repeat(12_000)}`
    for (const [written, path] of [
      [Buffer.from('/Früchte/夏.png'), '/Fr%C3%BCchte/%E5%A4%8F.png'],
      [Buffer.from('/Fr\xfcchte.png', 'latin1'), '/Fr%C3%BCchte.png'],
      [Buffer.from(long), long],
    ] as const) {
      server.behave((connection, asked) => {
        const redirect = answer('HTTP/1.1 302 Found\r\nlocation: ', written, '\r\n\r\n')
        const behaviour = asked === '/' ? redirect : answer(head('200 OK'), asked)
        behaviour(connection, asked)
      })
      expect(await textOf(base, { maxBytes: 20_000 })).toBe(path)
    }
  })

  test('do not wait for the body that comes with them', async () => {
    server.behave((connection, path) => {
      const start = head('302 Found', 'location: /there')
      const behaviour = path === '/' ? flood(start, 'x'.repeat(1000)) : answer(head('200 OK'), 'there')
      behaviour(connection, path)
    })
    expect(await textOf(base)).toBe('there')
  })

  test.each([
    'https://169.254.169.254/latest/meta-data/',
    'https://[::ffff:169.254.169.254]/',
    'https://2852039166/',
    '//169.254.169.254/latest/meta-data/',
    '\\\\169.254.169.254/latest/meta-data/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://10.0.0.1/',
    'https://[64:ff9b::a9fe:a9fe]/',
  ])('to %s are forbidden', async (location) => {
    server.behave(redirectTo(location))
    expect(await errorOf(base)).toMatchObject({ code: 'image.forbidden_address', errorClass: 'permanent' })
    expect(connections).toEqual(['8.8.8.8 443'])
  })

  test.each([
    'http://images.example/',
    'http://169.254.169.254/latest/meta-data/',
    'http://127.0.0.1/',
    'ftp://images.example/',
    'file:///etc/passwd',
    'data:image/png;base64,AAAA',
    'javascript:alert(1)',
    'https://user:secret@images.example/',
    'https://images.example:22/',
    'https://',
  ])('to %s are not followed', async (location) => {
    server.behave(redirectTo(location))
    expect(await errorOf(base)).toMatchObject({ code: 'image.invalid_url', errorClass: 'permanent' })
    expect(connections).toEqual(['8.8.8.8 443'])
  })

  test('look the name up anew, so that it cannot move to a private address in between', async () => {
    server.behave(redirectTo('/again'))
    const answers = ['8.8.8.8', '169.254.169.254']
    const lookup = async () => [{ address: String(answers.shift()) }]
    expect(await errorOf(base, { lookup })).toMatchObject({ code: 'image.forbidden_address' })
    expect(connections).toEqual(['8.8.8.8 443'])
  })

  test('from a public server to this machine are not followed in local mode either', async () => {
    server.behave(redirectTo(`http://127.0.0.1:${server.port}/`))
    expect(await errorOf(base, { allowLoopbackHttp: true })).toMatchObject({ code: 'image.invalid_url' })
    expect(connections).toEqual(['8.8.8.8 443'])
  })
})

describe('the certificate is verified', () => {
  const untrusted = async (changes: Partial<DownloadOptions>, own = certificate) => {
    const other = await startHostileServer(own)
    other.behave(answer(head('200 OK'), 'there'))
    const connect = () => connectToFirst([{ address: '127.0.0.1', family: 4 }], other.port)
    try {
      const error = await errorOf(base, { connect, certificateAuthorities: own.cert, ...changes })
      expect(other.requests).toEqual([])
      return error
    } finally {
      await other.stop()
    }
  }
  const expected = { code: 'image.untrusted_server', errorClass: 'permanent' }

  test('against the well-known authorities, unless others are given', async () => {
    const { certificateAuthorities: _, ...others } = options()
    server.behave(answer(head('200 OK'), 'there'))
    await expect(downloadImage(base, others)).rejects.toMatchObject(expected)
    expect(server.requests).toEqual([])
  })

  test('for the name in the URL', async () => {
    expect(await untrusted({}, makeCertificate(['elsewhere.example']))).toMatchObject(expected)
  })

  test('for the address in the URL', async () => {
    server.behave(answer(head('200 OK'), 'there'))
    expect(await errorOf('https://8.8.8.8/')).toMatchObject(expected)
    expect(server.requests).toEqual([])
    expect(await textOf('https://8.8.4.4/')).toBe('there')
  })

  test('for its time', async () => {
    expect(await untrusted({}, makeCertificate(['images.example'], new Date('2021-01-01')))).toMatchObject(expected)
  })

  test('whatever the environment says', async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      expect(await untrusted({ certificateAuthorities: makeCertificate(['images.example']).cert })).toMatchObject(
        expected,
      )
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    }
  })

  test('a name with a dot at its end is the same name', async () => {
    server.behave(answer(head('200 OK'), 'there'))
    const lookup = async () => [{ address: '8.8.8.8' }]
    expect(await textOf('https://images.example./', { lookup })).toBe('there')
    expect(server.handshakes).toEqual(['images.example http/1.1'])
  })

  test('a server that speaks no TLS is retryable', async () => {
    const plain = createServer((connection) => {
      connection
        .on('error', () => {})
        .resume()
        .end('HTTP/1.1 400 Bad\r\n\r\n')
    })
    await once(plain.listen(0, '127.0.0.1'), 'listening')
    const connect = () => connectToFirst([{ address: '127.0.0.1', family: 4 }], (plain.address() as AddressInfo).port)
    expect(await errorOf(base, { connect })).toMatchObject({ code: 'image.unreachable', errorClass: 'retryable' })
    await new Promise((resolve) => plain.close(resolve))
  })
})

describe('by Node’s own means', () => {
  const local = (changes: Partial<DownloadOptions> = {}) => {
    const { lookup: _lookup, connect: _connect, certificateAuthorities: _, ...others } = options(changes)
    return { ...others, allowLoopbackHttp: true, ...changes }
  }
  let plain: HostileServer
  beforeAll(async () => {
    plain = await startHostileServer()
  })
  afterAll(() => plain.stop())

  test('the local stack is reached over http, and may redirect within itself', async () => {
    plain.behave((connection, path) => {
      const behaviour = path === '/' ? redirectTo('/there') : answer(head('200 OK'), 'there')
      behaviour(connection, path)
    })
    for (const host of ['127.0.0.1', 'localhost']) {
      const bytes = await downloadImage(`http://${host}:${plain.port}/`, local())
      expect(Buffer.from(bytes).toString()).toBe('there')
    }
    expect(plain.requests[0]).toContain(`Host: 127.0.0.1:${plain.port}\r\n`)
  })

  test('a body without a length whose connection breaks is not taken for complete', async () => {
    plain.behave((connection) => {
      connection.write(`${head('200 OK')}part`)
      setTimeout(() => connection.resetAndDestroy(), 50)
    })
    const cut = downloadImage(`http://127.0.0.1:${plain.port}/`, local())
    await expect(cut).rejects.toMatchObject({ code: 'image.unreachable', errorClass: 'retryable' })
  })

  test('a refused connection is retryable', async () => {
    await expect(downloadImage('http://127.0.0.1:1/', local())).rejects.toMatchObject({ code: 'image.unreachable' })
  })

  test.each(['localhost', '127.0.0.1', '[::1]'])('https://%s is forbidden, and nothing arrives there', async (host) => {
    const forbidden = downloadImage(`https://${host}:${server.port}/`, local({ allowLoopbackHttp: false }))
    await expect(forbidden).rejects.toMatchObject({ code: 'image.forbidden_address' })
    expect(server.handshakes).toEqual([])
  })

  test('where the first address of a host refuses, the next one is tried', async () => {
    const socket = connectToFirst(
      [
        { address: '127.0.0.2', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ],
      plain.port,
    )
    await once(socket, 'connect')
    expect(socket.remoteAddress).toBe('127.0.0.1')
    socket.destroy()
  })
})

test('these tests cannot leave this machine, whatever goes wrong', async () => {
  const socket = connectToFirst([{ address: '::1', family: 6 }], server.port)
  await expect(once(socket, 'connect')).rejects.toMatchObject({ code: 'ERR_IP_BLOCKED' })
  const { lookup: _, ...others } = options()
  await expect(downloadImage(base, others)).rejects.toMatchObject({ detail: 'a test looks images.example up' })
})

describe('URLs that are refused as they stand', () => {
  test.each([
    'not a url',
    '/relative.png',
    'ftp://images.example/a.png',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'https://user:secret@images.example/a.png',
    `https://images.example/${'a'.repeat(8192)}`,
    'http://images.example/a.png',
    'http://127.0.0.1.images.example/a.png',
  ])('%s', (url) => {
    expect(() => checkImageUrl(url, { allowLoopbackHttp: true })).toThrow(/image URL/)
  })

  test.each([
    ['iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQAY3Y2w', /base64.*data:image\/png;base64,/],
    [
      '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0a',
      /base64.*data:image\/jpeg;base64,/,
    ],
    ['/home/ann/poster.png', /path of a file.*upload/],
    ['./poster.png', /path of a file.*upload/],
    ['poster.png', /path of a file.*upload/],
    ['C:\\Users\\ann\\poster.png', /only your machine can read.*upload/],
    ['file:///home/ann/poster.png', /only your machine can read.*upload/],
    ['blob:https://app.example/1b2c', /page in a browser.*upload/],
    ['http://images.example/a.png', /only https:\/\/ is fetched/],
    ['images.example/a.png', /write https:\/\/ before it/],
    ['//images.example/a.png', /write https:\/\/ before it/],
    ['s3://bucket/a.png', /presigned/],
    ['ftp://images.example/a.png', /must start with https/],
  ])('%s, saying what to change', (url, message) => {
    expect(() => checkImageUrl(url, { allowLoopbackHttp: false })).toThrow(message)
  })

  test('blanks around a URL do not count', () => {
    expect(checkImageUrl(' \n https://images.example/a.png\n', { allowLoopbackHttp: false }).pathname).toBe('/a.png')
  })

  test('http on loopback, where the stack is not a local one', () => {
    expect(() => checkImageUrl('http://127.0.0.1/a.png', { allowLoopbackHttp: false })).toThrow(/https/)
    expect(checkImageUrl('http://127.0.0.1/a.png', { allowLoopbackHttp: true }).hostname).toBe('127.0.0.1')
  })
})
