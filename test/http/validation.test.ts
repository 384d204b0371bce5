import { expect, test } from 'vitest'
import * as z from 'zod'
import { deferred } from '../../core/http/validation.ts'

test('the schemas of a module are loaded when one is first needed, and once', async () => {
  let loads = 0
  const schema = deferred(async () => {
    loads++
    return { Name: z.string(), Age: z.number() }
  })
  const [name, age] = [schema('Name'), schema('Age')]
  expect(loads).toBe(0)
  expect((await name()).parse('ann')).toBe('ann')
  expect((await age()).parse(7)).toBe(7)
  await name()
  expect(loads).toBe(1)
})

test('a module that could not be loaded is loaded again by the next call', async () => {
  let loads = 0
  const name = deferred(async () => {
    loads++
    if (loads === 1) throw new Error('too many open files')
    return { Name: z.string() }
  })('Name')
  const failed = await Promise.allSettled([name(), name()])
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect((await name()).parse('ann')).toBe('ann')
  expect(loads).toBe(2)
})
