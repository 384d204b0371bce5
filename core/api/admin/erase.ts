import { deferred, validated } from '../../http/validation.ts'
import { procedure } from '../procedure.ts'
import type { EraseView } from './erase-schema.ts'
import { callMs } from './time-limit.ts'

const schema = deferred(() => import('./erase-schema.ts'))

const exampleErasure: EraseView = {
  dryRun: false,
  pseudonym: 'erased-6f1c0a52d4b94be08a2f7f6f0f6ad9b1',
  rows: { vision_jobs: 1_000, vision_images: 212, vision_usage: 14, vision_users: 1 },
  objects: 3,
  runs: 0,
  more: true,
}

/** The call by which operators erase a user. */
export const operatorErasure = {
  eraseUser: procedure
    .meta({
      rest: 'POST /v1/operator/users/{user}/erase',
      status: 200,
      scope: 'operator',
      summary: 'Erase a user',
      description:
        'Deletes the jobs of a user in any status, with all that they made, images, uploads, keys, webhooks, brands and batches; the usage is kept under a pseudonym. A dry run, unless `dryRun` is false. One call works for 20 seconds at most: where `more` comes back true, call again.',
      errors: [],
      output: schema('EraseResult'),
      example: { request: { dryRun: false }, reply: exampleErasure },
    })
    .input(validated(schema('Erase')))
    .mutation(async ({ ctx, input: { user, dryRun } }): Promise<EraseView> => {
      const { services, actor, requestId } = ctx
      const { database, store, randomBytes, log } = services
      // Rarely called, and most of what it loads serves nothing else of the API.
      const { eraseUser } = await import('../../admin/erase.ts')
      const signal = AbortSignal.timeout(callMs)
      const operator = { database, actor: actor.userId }
      const erasure = await eraseUser(operator, store, user, { randomBytes, dryRun, signal })
      log('info', 'user erased', { requestId, dryRun, more: erasure.more })
      return { dryRun, ...erasure }
    }),
}
