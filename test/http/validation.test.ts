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
