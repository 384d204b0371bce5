import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { traceIdOf, traceparentOf } from '../../core/platform/trace.ts'

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const span = '00f067aa0ba902b7'
const amazon = 'Root=1-5759e988-bd862e3fe1be46a994272793'
const fresh = 'ab'.repeat(16)
const random = (size: number) => Buffer.alloc(size, 0xab)
const traceOf = (headers: Record<string, string>) => traceIdOf(new Headers(headers), random)

describe('the trace of a request', () => {
  test.each([
    ['of version 00', `00-${trace}-${span}-01`],
    ['not sampled', `00-${trace}-${span}-00`],
    ['of a later version', `cc-${trace}-${span}-01`],
    ['of a later version that says more', `cc-${trace}-${span}-01-what-the-future-will-be-like`],
  ])('is that of its traceparent: %s', (_, traceparent) => {
    expect(traceOf({ traceparent, 'x-amzn-trace-id': amazon })).toBe(trace)
  })

  test.each([
    ['empty', ''],
    ['of version ff', `ff-${trace}-${span}-01`],
    ['of version 00 that says more', `00-${trace}-${span}-01-more`],
    ['in upper case', `00-${trace.toUpperCase()}-${span}-01`],
    ['with a trace of zeros', `00-${'0'.repeat(32)}-${span}-01`],
    ['with a span of zeros', `00-${trace}-${'0'.repeat(16)}-01`],
    ['too short', `00-${trace.slice(1)}-${span}-01`],
    ['too long', `00-${trace}0-${span}-01`],
    ['sent twice', `00-${trace}-${span}-01, 00-${trace}-${span}-01`],
    ['with something before it', `x00-${trace}-${span}-01`],
    ['for a log to stumble over', `00-${trace}-${span}-01\tforged`],
  ])('is a new one where the traceparent is %s', (_, traceparent) => {
    expect(traceOf({ traceparent })).toBe(fresh)
  })

  test.each([
    ['alone', amazon],
    ['with its parent', `${amazon};Parent=53995c3f42cd8ad8;Sampled=1`],
    ['after what a load balancer adds', `Self=1-67891234-12456789abcdef012345678;${amazon}`],
  ])('is that of AWS, if there is no other: %s', (_, header) => {
    expect(traceOf({ 'x-amzn-trace-id': header })).toBe('5759e988bd862e3fe1be46a994272793')
    expect(traceOf({ 'x-amzn-trace-id': header, traceparent: 'nonsense' })).toBe('5759e988bd862e3fe1be46a994272793')
  })

  test.each([
    '',
    'Root=',
    'Root=2-5759e988-bd862e3fe1be46a994272793',
    `Root=1-00000000-${'0'.repeat(24)}`,
    `${amazon}0`,
  ])('is a new one where that of AWS is %j', (header) => expect(traceOf({ 'x-amzn-trace-id': header })).toBe(fresh))
})

test('each call of ours says the trace and has an id of its own, in a form that we would take ourselves', () => {
  expect(traceparentOf(trace, random)).toBe(`00-${trace}-${'ab'.repeat(8)}-00`)
  const [one, other] = [1, 2].map(() => traceparentOf(trace, randomBytes))
  expect(one).not.toBe(other)
  expect(traceOf({ traceparent: one ?? '' })).toBe(trace)
})
