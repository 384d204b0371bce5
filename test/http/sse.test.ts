import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { closingOf } from '../../core/api/events/closing.ts'
import { toEventStream, type WireEvent } from '../../core/http/sse.ts'
import { StreamClosed } from '../../core/live/slots/connections.ts'
import { parsePart, parseStream } from '../support/api/events.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A stream whose events the test makes, and what was told of it. */
function startStream() {
  const input = new TransformStream<WireEvent, WireEvent>()
  const events = input.writable.getWriter()
  const told: unknown[] = []
  const stream = toEventStream(input.readable, {
    closingOf,
    left: () => told.push('left'),
    onError: (error) => told.push(error),
  })
  return { events, told, stream, text: () => new Response(stream).text() }
}
const read = async (reader: ReadableStreamDefaultReader<Uint8Array>) => {
  const { value, done } = await reader.read()
  return done ? 'end' : parsePart(new TextDecoder().decode(value).trimEnd())
}
const second = 1_000

test('a stream on which nothing happens says every 15 seconds that it is there', async () => {
  const { events, stream } = startStream()
  const reader = stream.getReader()
  expect(await read(reader)).toEqual({ retry: '1000' })
  for (let heartbeat = 0; heartbeat < 3; heartbeat++) {
    let heard = false
    const next = read(reader).finally(() => (heard = true))
    await vi.advanceTimersByTimeAsync(14 * second)
    expect(heard).toBe(false)
    await vi.advanceTimersByTimeAsync(second)
    expect(await next).toEqual({ comment: 'still here' })
  }
  // And an event that came after a heartbeat was waited for is not lost.
  const next = read(reader)
  void events.write(['7', { type: 'status' }])
  expect(await next).toEqual({ id: '7', event: 'status', data: '{"type":"status"}' })
  void events.close()
  expect(await read(reader)).toBe('end')
  expect(vi.getTimerCount()).toBe(0)
})

test('a reader who takes nothing for a minute has gone', async () => {
  const { stream, told } = startStream()
  const reader = stream.getReader()
  await read(reader)
  await vi.advanceTimersByTimeAsync(59 * second)
  expect(told).toEqual([])
  await vi.advanceTimersByTimeAsync(second)
  expect(told).toEqual(['left'])
  await expect(reader.closed).rejects.toThrow('stalled')
})

test('a reader who leaves is told of, and nothing is left running', async () => {
  const { stream, told } = startStream()
  const reader = stream.getReader()
  await read(reader)
  await reader.cancel()
  expect(told).toEqual(['left'])
  expect(vi.getTimerCount()).toBe(0)
})

test('an event is one line of data, whatever is in it', async () => {
  const { events, text } = startStream()
  void events.write(['1', { type: 'analysis', text: 'a\nb\r\n\u2028id: 9\n\nevent: completed' } as never])
  void events.close()
  const [, part, ...rest] = parseStream(await text())
  expect(rest).toEqual([])
  expect(part?.id).toBe('1')
  expect(JSON.parse(part?.data ?? '').text).toBe('a\nb\r\n\u2028id: 9\n\nevent: completed')
})

test.each([
  ['reconnect', { event: 'reconnect', data: '{}' }],
  ['expired', { event: 'reconnect', data: '{}' }],
  ['replaced', { retry: '30000', comment: 'a younger stream of the same user took the place' }],
] as const)('a stream that is closed, %s, says what its client needs', async (reason, last) => {
  const { events, text, told } = startStream()
  void events.abort(new StreamClosed(reason)).catch(() => undefined)
  expect(parseStream(await text())).toEqual([{ retry: '1000' }, last])
  expect(told).toEqual([])
})

test('a stream that breaks just ends, and the reason stays here', async () => {
  const { events, text, told } = startStream()
  const error = new Error('SELECT secrets')
  void events.abort(error).catch(() => undefined)
  expect(parseStream(await text())).toEqual([{ retry: '1000' }])
  expect(told).toEqual([error])
})
