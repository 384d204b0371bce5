import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript'
import { about } from '../../core/api/about.ts'
import { appRouter, resources } from '../../core/api/router.ts'
import { openApiDocument } from '../../core/http/openapi/openapi.ts'
import { operationsOf } from '../../core/http/operations.ts'

const head = '// Written by `npm run docs` from the OpenAPI document. Not to be edited.\n\n'

/**
 * The OpenAPI document of the API as TypeScript. Without the responses of errors, which the client throws, and without headers and
 * examples of responses: they would be four fifths of the file.
 */
export async function openApiTypes(): Promise<string> {
  const document = await openApiDocument(about.info, resources, operationsOf(appRouter, resources))
  // As it goes over the wire: without what JSON leaves out.
  const { components, ...wire }: OpenAPI3 = JSON.parse(JSON.stringify(document))
  const operations = Object.values(wire.paths ?? {}).flatMap((path) => Object.values(path as Record<string, Operation>))
  for (const { responses } of operations) {
    for (const [status, { content }] of Object.entries(responses)) {
      if (Number(status) >= 400) delete responses[status]
      else responses[status] = { description: '', ...(content && { content: withoutExamples(content) }) }
    }
  }
  const types = await openapiTS({ ...wire, components: { schemas: components?.schemas ?? {} } })
  return head + astToString(types)
}

type Content = Record<string, { schema?: object }>
interface Operation {
  readonly responses: Record<string, { description: string; content?: Content }>
}

function withoutExamples(content: Content): Content {
  return Object.fromEntries(Object.entries(content).map(([type, { schema = {} }]) => [type, { schema }]))
}
