import type * as z from 'zod'
import { InvalidInput } from '../../http/invalid-input.ts'
import type { Resource } from '../../http/resource.ts'
import { deferred, validated } from '../../http/validation.ts'
import { getUserFailures } from '../../usage/failures.ts'
import { getUserUsage } from '../../usage/ledger.ts'
import { readQuotas } from '../../usage/quotas.ts'
import { procedure } from '../procedure.ts'
import { exampleUsage } from './examples.ts'
import type { UsageQuery, UserUsageView } from './schema.ts'
import { viewQuotas, viewUserUsage } from './view.ts'

const schema = deferred(() => import('./schema.ts'))

/** The caller's usage. */
export const usage = {
  name: 'usage',
  description: 'What the caller has used.',
  procedures: {
    getUsage: procedure
      .meta({
        rest: 'GET /v1/usage',
        status: 200,
        scope: 'read',
        summary: 'See what was used',
        description:
          'Jobs, runs, calls, tokens, cost and milliseconds of the caller, by day, status and model, and what jobs failed of; also of jobs that are deleted by now. With it what is left of the caller’s limits.',
        errors: [],
        output: schema('UserUsage'),
        example: { reply: exampleUsage },
      })
      .input(validated(schema('UsageQuery')))
      .query(async ({ ctx: { services, actor }, input }): Promise<UserUsageView> => {
        const days = daysOf(input, services.now())
        const rows = await getUserUsage(services.database, actor.userId, days)
        const failures = await getUserFailures(services.database, actor.userId, days)
        const left = await services.database.run((on) => readQuotas(on, actor.userId, services.limits))
        return { ...days, ...viewUserUsage(rows, failures), limits: viewQuotas(left) }
      }),
  },
} satisfies Resource

const dayMs = 86_400_000
const defaultDays = 30
const maxDays = 366

/** @throws InvalidInput if the first day is after the last, or too long before it */
function daysOf(input: z.output<typeof UsageQuery>, now: number): { readonly from: string; readonly to: string } {
  const to = input.to ?? dayOf(now)
  const from = input.from ?? dayOf(Date.parse(to) - (defaultDays - 1) * dayMs)
  const days = (Date.parse(to) - Date.parse(from)) / dayMs + 1
  if (days < 1)
    throw new InvalidInput([
      { pointer: '#/from', code: 'field.conflict', detail: `must not be after the last day, ${to}` },
    ])
  if (days > maxDays) {
    const detail = `must be at most ${maxDays} days until ${to}, not ${days}`
    throw new InvalidInput([{ pointer: '#/from', code: 'field.too_large', detail }])
  }
  return { from, to }
}

function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10)
}
