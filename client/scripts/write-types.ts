// Writes src/openapi.ts, the types of the API's OpenAPI document, anew.
import { writeFile } from 'node:fs/promises'
import { openApiTypes } from './openapi-types.ts'

await writeFile(new URL('../src/openapi.ts', import.meta.url), await openApiTypes())
