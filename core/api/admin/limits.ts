import { getLimits, setLimits } from '../../admin/user-limits.ts'
import { InvalidInput } from '../../http/invalid-input.ts'
import { deferred, validated } from '../../http/validation.ts'
import { procedure } from '../procedure.ts'
import type { LimitsOfUserView, UserLimitField } from './limits-schema.ts'
import { limitChange, viewLimits, waitsRefused } from './limits-view.ts'

const schema = deferred(() => import('./limits-schema.ts'))

const setting = (value: number | null) => ({ value, from: 'setting' as const, setting: value })

const exampleLimits: LimitsOfUserView = {
  user: 'ann',
  jobsInFlight: { value: 50, from: 'operator', setting: 10 },
  jobsWaiting: setting(10_000),
  jobsPerDay: { value: 100_000, from: 'operator', setting: 10_000 },
  dollarsPerDay: setting(null),
  uploadsPerDay: setting(10_000),
  uploadMegabytesPerDay: setting(20_000),
  streams: setting(10),
  waits: setting(5),
}

/** What is left out is the setting again. */
const none: Readonly<Record<UserLimitField, null>> = {
  jobsInFlight: null,
  jobsWaiting: null,
  jobsPerDay: null,
  dollarsPerDay: null,
  uploadsPerDay: null,
  uploadMegabytesPerDay: null,
  streams: null,
  waits: null,
}

/** The calls by which operators give one user other limits than the settings. */
export const operatorLimits = {
  getUserLimits: procedure
    .meta({
      rest: 'GET /v1/operator/users/{user}/limits',
      status: 200,
      scope: 'operator',
      summary: 'See the limits of a user',
      description: 'What holds for one user, and whether an operator has set it or a setting has.',
      errors: [],
      output: schema('LimitsOfUser'),
      example: { reply: exampleLimits },
    })
    .input(validated(schema('OneUser')))
    .query(
      async ({ ctx: { services }, input: { user } }): Promise<LimitsOfUserView> =>
        viewLimits(user, await getLimits(services.database, user), services),
    ),

  setUserLimits: procedure
    .meta({
      rest: 'PUT /v1/operator/users/{user}/limits',
      status: 200,
      scope: 'operator',
      summary: 'Set the limits of a user',
      description:
        'Replaces all limits that operators have set for a user: what is null or left out is the setting again. They hold from the next job on, wherever a limit is read; jobs that waited for room are admitted within seconds, and none in flight is taken back.',
      errors: [],
      output: schema('LimitsOfUser'),
      example: { request: { jobsInFlight: 50, jobsPerDay: 100_000 }, reply: exampleLimits },
    })
    .input(validated(schema('SetUserLimits')))
    .mutation(async ({ ctx, input: { user, ...given } }): Promise<LimitsOfUserView> => {
      const { services, actor, requestId } = ctx
      const refused = waitsRefused(given.waits, services.connections.waits)
      if (refused) throw new InvalidInput([{ pointer: '#/waits', code: 'field.conflict', detail: refused }])
      const operator = { database: services.database, actor: actor.userId }
      const view = viewLimits(user, await setLimits(operator, user, limitChange({ ...none, ...given })), services)
      services.log('info', 'limits of a user set', { requestId })
      services.wakeWorker()
      return view
    }),
}
