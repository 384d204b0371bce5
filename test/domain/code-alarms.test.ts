import { expect, test } from 'vitest'
import { type CodeAlarm, codeAlarms, type RunCode } from '../../core/domain/code-alarms.ts'
import { describeCode, errorCodes, VisionError } from '../../core/domain/errors.ts'
import { providerOutcomeOf } from '../../core/providers/availability/circuit-breaker.ts'
import { outcomeOf } from '../../core/worker/run/outcome.ts'

const codes = Object.keys(codeAlarms) as RunCode[]
const told = (...ways: CodeAlarm[]) => codes.filter((code) => ways.includes(codeAlarms[code])).toSorted()

test('every code that a run can end with has a decision on what tells of it, and no other code has', () => {
  const ofRuns = Object.entries(errorCodes).flatMap(([code, { errorClass }]) =>
    errorClass === 'request' ? [] : [code],
  )
  expect(codes.toSorted()).toEqual(ofRuns.toSorted())
})

test('a provider’s alarm is left to tell of those codes alone that hold its calls up', () => {
  const held = codes.filter((code) => !['ignored', 'success'].includes(providerOutcomeOf(code)))
  expect(told('provider')).toEqual(held.toSorted())
})

test('what jobs wait for and no provider’s alarm tells of has an alarm of its own, for no job fails of it', () => {
  const lastRun = { attempt: 9, failures: 3, maxRetries: 3 }
  const options = { circuitOpen: false, retry: { baseMs: 1, capMs: 1, random: () => 0 }, providerWaitMs: 1 }
  const waits = codes.filter((code) => outcomeOf(new VisionError(code), lastRun, options).kind === 'postponed')
  expect(told('released')).toEqual(waits.filter((code) => codeAlarms[code] !== 'provider').toSorted())
  expect(told('failed', 'total').filter((code) => waits.includes(code))).toEqual([])
})

test('what our side is to blame for tells from the first job on', () => {
  const ours = codes.filter((code) => !/^(image|analysis|content)\./.test(code))
  expect(told('failed', 'released')).toEqual(ours.toSorted())
  expect(told('failed').map((code) => describeCode(code).errorClass)).not.toContain('provider')
})
