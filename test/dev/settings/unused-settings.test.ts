import { expect, test } from 'vitest'
import { localEnvironment } from '../../../dev/settings/environment.ts'
import { unusedSettings } from '../../../dev/settings/unused-settings.ts'

const found = (dotenv: string, env: Record<string, string> = {}) => unusedSettings(dotenv, env)

test('a file in which everything counts has nothing to be warned of', () => {
  const dotenv = [
    '# a comment, and an empty line',
    '',
    'PORT=4000 # with a comment: KEY',
    'export DATA_DIR = .data-2',
    "AUTH_SECRET='one that",
    'goes on =',
    "over three lines'",
    'AUTH_ISSUER="an unfinished quote',
    'GEMINI_MODEL=',
    'LOG_LEVEL=debug',
  ].join('\r\n')
  expect(found(dotenv)).toEqual([])
  // Both read the same out of it.
  expect(localEnvironment(dotenv)).toMatchObject({ PORT: '4000', DATA_DIR: '.data-2', LOG_LEVEL: 'debug' })
})

test('unknown keys are named, and lines that set none are given by number, never quoted', () => {
  const dotenv = `GEMINI_APIKEY=hunter2
PORT: 4000
hunter2==
GEMINI_API_KEY hunter2

AWS_PROFILE=hunter2
hunter2`
  const warnings = found(dotenv)
  expect(warnings.map((warning) => /line \d+/.exec(warning)?.[0])).toEqual([1, 2, 3, 4, 6, 7].map((n) => `line ${n}`))
  expect(warnings[0]).toContain('GEMINI_APIKEY')
  expect(warnings[4]).toContain('AWS_PROFILE')
  expect(warnings.join()).not.toContain('hunter2')
})

test('keys that need another one are named with it', () => {
  const env = { S3_ENDPOINT: 'http://127.0.0.1', GEMINI_BASE_URL: 'http://127.0.0.1' }
  expect(found('', env)).toEqual([
    'S3_ENDPOINT has no effect without BUCKET_NAME.',
    'GEMINI_BASE_URL has no effect without GEMINI_API_KEY.',
  ])
  expect(found('', { ...env, BUCKET_NAME: 'images', GEMINI_API_KEY: 'g' })).toEqual([])
})
