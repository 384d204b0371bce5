import * as z from 'zod'
import { isUserId } from '../../platform/auth.ts'

export const userId = z
  .string()
  .refine(isUserId, {
    error: 'must be 1 to 255 printable ASCII characters, no space at either end, and not begin with cli:',
  })
  .meta({ description: 'The id of a user: the `sub` of a token.', examples: ['ann'] })

/** A limit of a user in the calls of operators: null is the setting. */
const whole = (min: number, max: number) => z.int().min(min).max(max).nullable().optional()

/** The limits that can be set for one user; the fields of the REST call and the options of the command. */
export const userLimitFields = {
  jobsInFlight: whole(1, 10_000).meta({ description: 'Jobs pending or processing at once: JOB_IN_FLIGHT_PER_USER.' }),
  jobsWaiting: whole(0, 1_000_000).meta({ description: 'Jobs that wait: USER_JOBS_WAITING.' }),
  jobsPerDay: whole(0, 100_000_000).meta({ description: 'Jobs created in a day (UTC): USER_JOBS_PER_DAY.' }),
  dollarsPerDay: z
    .number()
    .min(0)
    .max(1_000_000)
    .nullable()
    .optional()
    .meta({ description: 'What its calls may cost in a day (UTC): USER_DOLLARS_PER_DAY.' }),
  uploadsPerDay: whole(0, 100_000_000).meta({ description: 'Uploads in a day (UTC): USER_UPLOADS_PER_DAY.' }),
  uploadMegabytesPerDay: whole(0, 1_000_000_000).meta({
    description: 'Megabytes uploaded in a day (UTC): USER_UPLOAD_MEGABYTES_PER_DAY.',
  }),
  streams: whole(1, 1_000).meta({ description: 'Live streams at once: STREAM_SESSIONS_PER_USER.' }),
  waits: whole(0, 1_000).meta({
    description: 'Calls that wait at once: WAITS_PER_USER. Where that is 0, no call waits, and more is refused.',
  }),
}
export type UserLimitField = keyof typeof userLimitFields

export const OneUser = z.strictObject({ user: userId })
export const SetUserLimits = z
  .strictObject({ user: userId, ...userLimitFields })
  // A body that was forgotten would end all of them.
  .refine(({ user: _, ...limits }) => Object.values(limits).some((limit) => limit !== undefined), {
    error: 'must name a limit: with null each is the setting again',
  })
  .meta({ id: 'SetUserLimits' })

const amounts = {
  value: z.number().nullable().meta({ description: 'What holds for this user; null if unlimited.' }),
  from: z.enum(['operator', 'setting']).meta({ description: 'Whether an operator has set it for this user.' }),
  setting: z.number().nullable().meta({ description: 'What holds for users without a limit of their own.' }),
}
const limit = z.object(amounts).meta({ id: 'UserLimit' })

export const LimitsOfUser = z
  .object({
    user: z.string(),
    jobsInFlight: limit,
    jobsWaiting: limit,
    jobsPerDay: limit,
    dollarsPerDay: limit,
    uploadsPerDay: limit,
    uploadMegabytesPerDay: limit,
    streams: limit,
    waits: limit,
  })
  .meta({ id: 'LimitsOfUser' })

export type LimitsOfUserView = z.infer<typeof LimitsOfUser>
