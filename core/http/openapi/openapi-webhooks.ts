import type { Resource } from '../resource.ts'
import { content, type Json, schemaOf } from './openapi-schema.ts'

const text = { type: 'string' }
const headers = [
  ['webhook-id', 'Names the message: the same with every attempt, so that what comes twice is known.', text],
  ['webhook-timestamp', 'When this attempt was sent, in seconds since the epoch.', { type: 'integer' }],
  [
    'webhook-signature',
    'Of the id, the timestamp and the body, as Standard Webhooks says: `v1,` and base64, one for each valid secret, separated by spaces.',
    text,
  ],
] as const

/** What is posted to users, as the `webhooks` of an OpenAPI document. */
export async function describeWebhooks(resources: readonly Resource[], components: Json): Promise<Json> {
  const described: (readonly [string, Json])[] = []
  for (const { name: tag, webhooks = {} } of resources) {
    for (const [name, { payload: load, example }] of Object.entries(webhooks)) {
      const payload = await load()
      const { description = name } = payload.meta() ?? {}
      const post = {
        // `job.completed` is `onJobCompleted`.
        operationId: `on${name.replaceAll(/(?:^|\.)(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
        tags: [tag],
        summary: name,
        description,
        // By its signature, and by no credential of the receiver’s.
        security: [],
        parameters: headers.map(([header, description, schema]) => {
          return { name: header, in: 'header', required: true, description, schema }
        }),
        requestBody: {
          required: true,
          content: { 'application/json': content(schemaOf(payload, 'output', components), example) },
        },
        responses: {
          '2XX': { description: 'Taken; it is not sent again.' },
          410: { description: 'Nothing more is to be sent: the webhook is disabled.' },
          default: { description: 'It is sent again, for three days.' },
        },
      }
      described.push([name, { post }])
    }
  }
  return Object.fromEntries(described)
}
