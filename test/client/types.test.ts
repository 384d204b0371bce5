import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { openApiTypes } from '../../client/scripts/openapi-types.ts'

test('the types of the client are those of the OpenAPI document: npm run docs writes them', async () => {
  const written = await readFile(new URL('../../client/src/openapi.ts', import.meta.url), 'utf8')
  expect(written === (await openApiTypes())).toBe(true)
})
