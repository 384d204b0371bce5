import { expect, test } from 'vitest'
import { checkSettings } from '../../../dev/settings/configs.ts'

test('what the stack fills in itself is not asked for', () => {
  expect(checkSettings({})).toMatchObject({ api: { JOB_MAX_RETRIES: 3 }, poller: { POLLER_CONCURRENCY: 50 } })
  expect(checkSettings({ LOG_LEVEL: 'warn', BUCKET_NAME: '' }).api.LOG_LEVEL).toBe('warn')
})

test('what is wrong for either function is told at once, each key on one line, and no secret', () => {
  const wrong = { JOB_MAX_RETRIES: 'hunter2', POLLER_CONCURRENCY: '-17', LOG_LEVEL: 'hunter2', AUTH_SECRET: 'xyzzy' }
  let message = ''
  try {
    checkSettings(wrong)
  } catch (error) {
    message = (error as Error).message
  }
  const keys = message
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(' ')[0])
  expect(keys.toSorted()).toEqual(Object.keys(wrong).toSorted())
  expect(message).not.toContain('xyzzy')
})
