import type { Resource } from '../../http/resource.ts'
import { deferred, validated } from '../../http/validation.ts'
import { createKey, listKeys, revokeKey } from '../../keys/keys.ts'
import { InsufficientScope, ownScopes } from '../../platform/auth.ts'
import { procedure } from '../procedure.ts'
import { exampleKey } from './examples.ts'
import type { ApiKeysView, NewApiKeyView } from './schema.ts'
import { viewKey } from './view.ts'

const schema = deferred(() => import('./schema.ts'))

/** Credentials with which programs call the API. */
export const keys = {
  name: 'keys',
  description: 'What programs call the API with.',
  procedures: {
    createKey: procedure
      .meta({
        rest: 'POST /v1/keys',
        status: 201,
        scope: 'write',
        summary: 'Make an API key',
        description:
          'Makes a key for the caller, and shows it this once. It is sent as `Authorization: Bearer <key>`. A key makes none with more scopes than its own, nor one that outlives it. A user has at most 50. If the answer is lost, revoke the key and make another.',
        errors: ['key.too_many'],
        output: schema('NewApiKey'),
        example: {
          request: { name: 'Shop server', scopes: ['read', 'write'], expiresInDays: 365 },
          reply: { ...exampleKey, lastUsedAt: null, key: 'vpk_…' },
        },
      })
      .input(validated(schema('CreateKey')))
      .mutation(async ({ ctx, input }): Promise<NewApiKeyView> => {
        const { actor, services } = ctx
        const { name, scopes = ownScopes, expiresInDays } = input
        const missing = scopes.find((scope) => !actor.scopes.has(scope))
        if (missing !== undefined) throw new InsufficientScope(missing)
        const request = { userId: actor.userId, name, scopes, expiresInDays, madeByKeyId: actor.key?.id }
        const { row, key } = await createKey(services.database, request, services.randomBytes)
        return { ...viewKey(row), key }
      }),

    listKeys: procedure
      .meta({
        rest: 'GET /v1/keys',
        status: 200,
        scope: 'read',
        summary: 'List API keys',
        description:
          'The caller’s keys that were not revoked, oldest first: what each begins with, and when it was last used.',
        errors: [],
        output: schema('ApiKeys'),
        example: { reply: { keys: [exampleKey] } },
      })
      .input(validated(schema('ListKeys')))
      .query(async ({ ctx }): Promise<ApiKeysView> => {
        const rows = await listKeys(ctx.services.database, ctx.actor.userId)
        return { keys: rows.map(viewKey) }
      }),

    revokeKey: procedure
      .meta({
        rest: 'DELETE /v1/keys/{keyId}',
        status: 204,
        scope: 'write',
        summary: 'Revoke an API key',
        description: 'Within half a minute the key is refused everywhere. A key may revoke itself.',
        errors: ['key.not_found'],
      })
      .input(validated(schema('OneKey')))
      .mutation(async ({ ctx, input: { keyId } }): Promise<{ revoked: true; keyId: number }> => {
        await revokeKey(ctx.services.database, keyId, ctx.actor.userId)
        return { revoked: true, keyId }
      }),
  },
} satisfies Resource
