import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LightHeaders } from '../../core/http/fetch/headers.ts'
import { installLightFetch, restoreFetch } from '../../core/http/fetch/install.ts'
import { LightRequest } from '../../core/http/fetch/request.ts'
import { LightResponse } from '../../core/http/fetch/response.ts'

/** Node.js' own: @hono/node-server, which other files of the worker load, derives classes in their place. */
function nativeOf<T extends object>(derived: T): T {
  const parent = Object.getPrototypeOf(derived)
  return parent === Function.prototype ? derived : nativeOf(parent)
}

const replaced = { Request, Response }
const natives = { Request: nativeOf(Request), Response: nativeOf(Response) }
beforeAll(() => void Object.assign(globalThis, natives))
afterAll(() => void Object.assign(globalThis, replaced))

const own = { Headers, ...natives, fetch }
installLightFetch()
const ours = { Headers, Request, Response, fetch }
// The files of a worker share these names.
restoreFetch()

type Classes = typeof own

/** What a piece of code makes of each, or the class of its error. */
async function both(work: (classes: Classes) => unknown): Promise<[unknown, unknown]> {
  const outcome = async (classes: Classes) => {
    try {
      return await work(classes)
    } catch (error) {
      return (error as Error).constructor.name
    }
  }
  return [await outcome(ours as Classes), await outcome(own)]
}

/** The parts of a message that one can look at. */
async function seen(message: Request | Response) {
  const { headers, body, bodyUsed } = message
  const rest = 'url' in message ? [(message as Request).method, message.url, (message as Response).status] : []
  return [[...headers], body === null, bodyUsed, rest, await message.text(), message.bodyUsed]
}

const bytes = new TextEncoder().encode('naïve')
const stream = () =>
  new ReadableStream({
    start: (controller) => {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
      controller.close()
    },
  })

const cases: Record<string, (classes: Classes) => unknown> = {
  'headers of an object': ({ Headers }) => [...new Headers({ b: '1', A: ' 2\t', c: '' })],
  'headers of pairs, joined': ({ Headers }) => [
    ...new Headers([
      ['a', '1'],
      ['A', '2'],
      ['b', '3'],
    ]),
  ],
  'headers of headers': ({ Headers }) => [...new Headers(new Headers({ z: '1', a: '2' }))],
  'cookies are not joined': ({ Headers }) => {
    const headers = new Headers({ b: '1' })
    headers.append('Set-Cookie', 'a=1, x')
    headers.append('set-cookie', 'b=2')
    return [[...headers], headers.getSetCookie(), headers.get('set-cookie')]
  },
  'headers are changed': ({ Headers }) => {
    const headers = new Headers({ a: '1', b: '2' })
    headers.append('a', '3')
    headers.set('B', '4')
    headers.delete('none')
    const listed: unknown[] = []
    headers.forEach((value, name) => void listed.push([name, value]))
    return [headers.get('A'), headers.get('none'), headers.has('b'), listed, [...headers.keys()], [...headers.values()]]
  },
  'a name with a blank': ({ Headers }) => new Headers({ 'a b': '1' }),
  'an empty name': ({ Headers }) => new Headers([['', '1']]),
  'a value with a line break': ({ Headers }) => new Headers({ a: '1\r\nb: 2' }),
  'a value beyond latin1': ({ Headers }) => new Headers({ a: '≥' }),
  'a value in latin1': ({ Headers }) => [...new Headers({ a: 'ü' })],
  'a pair of three': ({ Headers }) => new Headers([['a', 'b', 'c']] as never),
  'a name is checked when it is read': ({ Headers }) => new Headers().get('a b'),
  'a request': ({ Request }) => seen(new Request('https://a.example/b c?d=ü#e', { headers: { a: '1' } })),
  'a request by URL': ({ Request }) => seen(new Request(new URL('https://a.example/'), { method: 'delete' })),
  'a request with text': ({ Request }) => seen(new Request('https://a.example/', { method: 'post', body: 'naïve' })),
  'a request with bytes': ({ Request }) => seen(new Request('https://a.example/', { method: 'PUT', body: bytes })),
  'a request with a stream': ({ Request }) =>
    seen(new Request('https://a.example/', { method: 'POST', body: stream(), duplex: 'half' })),
  'a request with a form': ({ Request }) => {
    const body = new URLSearchParams({ a: 'b c' })
    return seen(new Request('https://a.example/', { method: 'POST', body }))
  },
  'a request of a request': ({ Request }) => {
    const first = new Request('https://a.example/', { method: 'POST', body: 'text', headers: { a: '1' } })
    return seen(new Request(first, { headers: { b: '2' } }))
  },
  'a request of a request with what only Node.js knows': ({ Request }) => {
    const first = new Request('https://a.example/', { method: 'POST', body: 'text', headers: { a: '1' } })
    return seen(new Request(first, { redirect: 'manual' }))
  },
  'a method is left as it is': ({ Request }) => new Request('https://a.example/', { method: 'patch' }).method,
  'a GET with a body': ({ Request }) => new Request('https://a.example/', { body: 'text' }),
  'a relative URL': ({ Request }) => new Request('/a'),
  'a signal': ({ Request }) => {
    const { signal } = new Request('https://a.example/', { signal: AbortSignal.abort() })
    return [signal.aborted, new Request('https://a.example/').signal.aborted]
  },
  'a body that is read twice': async ({ Request }) => {
    const request = new Request('https://a.example/', { method: 'POST', body: 'text' })
    await request.text()
    return request.text()
  },
  'a body that another took': async ({ Request }) => {
    const request = new Request('https://a.example/', { method: 'POST', body: 'text' })
    new Request(request)
    return request.text()
  },
  'a clone of a body that was read': async ({ Response }) => {
    const response = new Response('text')
    await response.text()
    return response.clone()
  },
  'no body is read twice': async ({ Response }) => {
    const response = new Response(null)
    return [await response.text(), await response.text(), response.bodyUsed]
  },
  'JSON is read': ({ Request }) => new Request('https://a.example/', { method: 'POST', body: '\ufeff{"a":1}' }).json(),
  'no JSON is read': ({ Response }) => new Response('{').json(),
  'bytes are read': async ({ Response }) => [...new Uint8Array(await new Response('naïve').arrayBuffer())],
  'a part of a buffer is read': async ({ Response }) => [
    ...new Uint8Array(await new Response(bytes.subarray(1, 3)).arrayBuffer()),
  ],
  'a blob is read': async ({ Response }) => {
    const blob = await new Response('a', { headers: { 'content-type': 'image/png' } }).blob()
    return [blob.type, blob.size]
  },
  'a form is read': async ({ Request }) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const request = new Request('https://a.example/', { method: 'POST', body: 'a=b+c', headers })
    return [...(await request.formData())]
  },
  'a response': ({ Response }) => seen(new Response('naïve', { status: 201, statusText: 'Made', headers: { a: '1' } })),
  'a response with a type': ({ Response }) => seen(new Response('{}', { headers: { 'Content-Type': 'a/b' } })),
  'a response without a body': ({ Response }) => seen(new Response(null, { status: 204 })),
  'a response of bytes': ({ Response }) => seen(new Response(bytes)),
  'a response of a stream': ({ Response }) => seen(new Response(stream())),
  'a response of a blob': ({ Response }) => seen(new Response(new Blob(['a'], { type: 'image/png' }))),
  'a response of a response': ({ Response }) => {
    const first = new Response('text', { status: 202, headers: { a: '1' } })
    return seen(new Response(first.body, first))
  },
  'a clone, and what it was made of': async ({ Response }) => {
    const first = new Response(stream(), { status: 202, headers: { a: '1' } })
    const second = first.clone()
    second.headers.set('a', '2')
    return [await seen(first), await seen(second)]
  },
  'a stream of a text': async ({ Response }) => {
    const chunks: number[] = []
    for await (const chunk of new Response('naïve').body ?? []) chunks.push(...chunk)
    return chunks
  },
  'a body that is being read': async ({ Response }) => {
    const response = new Response('text')
    response.body?.getReader()
    return response.text()
  },
  'a status below 200': ({ Response }) => new Response(null, { status: 199 }),
  'a status that has no body': ({ Response }) => new Response('a', { status: 304 }),
  'JSON is written': ({ Response }) => seen(Response.json({ a: 'ü' }, { status: 203 })),
  'a redirect': ({ Response }) => seen(Response.redirect('https://a.example/ü')),
  'a redirect with a status that is none': ({ Response }) => Response.redirect('https://a.example/', 200 as never),
}

describe('The classes of fetch that a function starts with do as those of Node.js do', () => {
  test.each(Object.entries(cases))('%s', async (_, work) => {
    const [mine, its] = await both(work)
    expect(mine).toEqual(its)
  })

  test('what they are made of is ours, unless only Node.js understands it', () => {
    expect(new ours.Headers()).toBeInstanceOf(LightHeaders)
    expect(new ours.Request('https://a.example/')).toBeInstanceOf(LightRequest)
    expect(new ours.Response('text')).toBeInstanceOf(LightResponse)
    expect(new ours.Request('https://a.example/', { redirect: 'manual' })).toBeInstanceOf(own.Request)
    expect(new ours.Response(new FormData())).toBeInstanceOf(own.Response)
    expect(ours.fetch).toBe(fetch)
  })

  test("Node.js' own take our headers", () => {
    const headers = new LightHeaders({ a: '1', b: '2' }) as unknown as Headers
    expect([...new own.Headers(headers)]).toEqual([...headers])
  })
})
