import { afterEach, expect, test, vi } from 'vitest'
import { secretsOf } from '../../core/platform/config/secrets.ts'
import { createLog, type LogOptions, withFields } from '../../core/platform/log.ts'

const noon = Date.UTC(2026, 10, 24, 12)

function logOf(options: Partial<LogOptions> = {}) {
  const lines: string[] = []
  const write = (line: string) => void lines.push(line)
  const log = createLog({ level: 'info', service: 'vision-test', secrets: [], write, now: () => noon, ...options })
  return { log, lines, read: () => lines.map((line) => JSON.parse(line)) }
}

afterEach(() => void vi.unstubAllEnvs())

test('a line is one JSON object with the time, the level, the message and what it is about', () => {
  const { log, lines } = logOf()
  log('warn', 'two\nlines', { jobId: 7, attempt: 2, step: 'content', traceId: null, detail: undefined })
  expect(lines).toEqual([
    '{"time":"2026-11-24T12:00:00.000Z","level":"warn","message":"two\\nlines","service":"vision-test","jobId":7,"attempt":2,"step":"content"}',
  ])
})

test.each([
  ['debug', ['debug', 'info', 'warn', 'error']],
  ['info', ['info', 'warn', 'error']],
  ['warn', ['warn', 'error']],
  ['error', ['error']],
] as const)('at the level %s the lines below are left out', (level, expected) => {
  const { log, read } = logOf({ level })
  for (const one of ['debug', 'info', 'warn', 'error'] as const) log(one, 'said')
  expect(read().map((line) => line.level)).toEqual(expected)
})

test('what is bound to a log is in each of its lines, unless the line knows better', () => {
  const { log, read } = logOf()
  const bound = withFields(log, { requestId: 'r-1', traceId: 't-1' })
  bound('info', 'one')
  bound('info', 'two', { jobId: 7, traceId: 't-2' })
  expect(read()).toMatchObject([
    { requestId: 'r-1', traceId: 't-1' },
    { requestId: 'r-1', traceId: 't-2', jobId: 7 },
  ])
})

test('on Lambda each line says which invocation it is of, and one that the function was cold', () => {
  vi.stubEnv('AWS_LAMBDA_INITIALIZATION_TYPE', 'on-demand')
  const { log, read } = logOf()
  for (const awsRequestId of ['a', 'b']) {
    log.invoked({ awsRequestId })
    log('info', 'one')
    log('info', 'two')
  }
  expect(read().map((line) => [line.function_request_id, line.cold_start])).toEqual([
    ['a', true],
    ['a', undefined],
    ['b', undefined],
    ['b', undefined],
  ])
})

test('a secret is taken out of a line wherever it is quoted', () => {
  const settings = {
    DATABASE_URL: 'mysql://root:p%40ss%22word-1@db.example/vision',
    GEMINI_API_KEY: 'gemini-key-1',
    AUTH_SECRET: 'a "quoted" secret of at least 32 bytes',
    AWS_REGION: 'us-east-1',
    DEEPSEEK_API_KEY: undefined,
  }
  const { log, lines, read } = logOf({ secrets: secretsOf(settings) })
  log('error', 'refused gemini-key-1', {
    detail: 'Unknown key a "quoted" secret of at least 32 bytes in us-east-1',
    at: ['mysql://root:p%40ss%22word-1@db.example', { deep: 'password p@ss"word-1!' }],
  })
  expect(read()).toMatchObject([
    {
      message: 'refused [secret]',
      detail: 'Unknown key [secret] in us-east-1',
      at: ['mysql://root:[secret]@db.example', { deep: 'password [secret]!' }],
    },
  ])
  expect(lines.join()).not.toMatch(/gemini-key|quoted|word-1/)
})

test('a password that every other word contains is not looked for', () => {
  expect(secretsOf({ DATABASE_URL: 'mysql://root:root@127.0.0.1/vision' })).toEqual([])
  expect(secretsOf({ DATABASE_URL: 'not a URL' })).toEqual([])
})
