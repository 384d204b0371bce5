import * as z from 'zod'
import { scopes } from '../../platform/auth.ts'
import { time } from '../fields.ts'

const keyId = z
  .int()
  .min(1)
  .meta({ description: 'The id of an API key.', examples: [3] })
const Scope = z.enum(scopes).meta({
  id: 'Scope',
  description:
    'read: to look at what is the user’s · write: to make, change and delete it · operator: the calls under /v1/operator and /v1/worker',
})

// --- input ---

export const CreateKey = z
  .strictObject({
    name: z.string().trim().min(1).max(100).meta({ description: 'For people, up to 100 characters.' }),
    scopes: z
      .array(Scope)
      .min(1)
      .max(scopes.length)
      .refine((list) => new Set(list).size === list.length, { error: 'Name each scope once.' })
      .optional()
      .meta({
        description: 'What the key is good for; `read` and `write` if left out. Never more than the caller’s own.',
      }),
    expiresInDays: z
      .int()
      .min(1)
      .max(3650)
      .optional()
      .meta({ description: 'The days until it expires; if left out it is valid until it is revoked.' }),
  })
  .meta({ id: 'CreateKey' })

export const ListKeys = z.strictObject({}).prefault({})

export const OneKey = z.strictObject({ keyId })

// --- output ---

export const ApiKey = z
  .object({
    keyId,
    name: z.string(),
    prefix: z.string().meta({ description: 'What the key begins with.', examples: ['vpk_3JqX0aZk'] }),
    scopes: z.array(Scope),
    createdAt: time,
    expiresAt: time.nullable().meta({ description: 'It is refused from then on; null: it does not expire.' }),
    lastUsedAt: time.nullable().meta({ description: 'When it was last seen in use, to ten minutes; null: never.' }),
    madeByKeyId: keyId.nullable().meta({ description: 'The key that made it; null if none did.' }),
  })
  .meta({ id: 'ApiKey' })

export const NewApiKey = ApiKey.extend({
  key: z.string().meta({ description: 'The key. It is shown this once, and kept nowhere.' }),
}).meta({ id: 'NewApiKey' })

export const ApiKeys = z.object({ keys: z.array(ApiKey) }).meta({ id: 'ApiKeys' })

export type ApiKeyView = z.infer<typeof ApiKey>
export type NewApiKeyView = z.infer<typeof NewApiKey>
export type ApiKeysView = z.infer<typeof ApiKeys>
