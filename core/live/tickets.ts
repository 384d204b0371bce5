import { createHmac } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import { type Actor, InvalidToken } from '../platform/auth.ts'
import type { TicketConfig } from '../platform/config/shared.ts'
import type { JobRow } from '../queue/read.ts'

/** A ticket lets a browser watch one job: an EventSource cannot send headers, so the credential is in the URL. */
export interface Tickets {
  /** Signs a ticket for a job's owner; it is valid until the job expires. */
  sign(job: Pick<JobRow, 'id' | 'userId' | 'expiresAt'>): Promise<string>
  /**
   * The owner of the job that a ticket is for.
   *
   * @param jobId which job it is used for, as the caller sent it
   * @throws VisionError `request.unauthenticated` if it is not a valid ticket for this job
   */
  check(ticket: string, jobId: unknown): Promise<Actor>
}

const audience = 'vision-pipeline/job-events'

/**
 * JWTs (HS256) for one job and one audience.
 *
 * @param now milliseconds since the epoch
 */
export function createTickets(config: TicketConfig, now: () => number): Tickets {
  const [current, ...previous] = keysOf(config)
  if (current === undefined) throw new Error('there is no secret to sign tickets with')

  const verify = async (ticket: string) => {
    for (const key of [current, ...previous]) {
      try {
        const options = { audience, algorithms: ['HS256'], requiredClaims: ['sub', 'exp', 'job'] }
        return (await jwtVerify(ticket, key, { ...options, currentDate: new Date(now()) })).payload
      } catch (error) {
        if (!(error instanceof errors.JOSEError)) throw error
      }
    }
    throw invalid()
  }
  return {
    sign: ({ id, userId, expiresAt }) =>
      new SignJWT({ job: id })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(userId)
        .setAudience(audience)
        .setExpirationTime(expiresAt)
        .sign(current),
    check: async (ticket, jobId) => {
      const { sub, job } = await verify(ticket)
      if (sub === undefined || job !== jobId) throw invalid()
      return { userId: sub, scopes: new Set(['read']) }
    },
  }
}

/**
 * The keys are derived, so that a ticket is never a valid bearer token, nor a token a ticket, although both may come from
 * AUTH_SECRET.
 */
function keysOf({ STREAM_SECRET, AUTH_SECRET, AUTH_SECRET_PREVIOUS }: TicketConfig): readonly Uint8Array[] {
  const secrets = STREAM_SECRET ? [STREAM_SECRET] : [AUTH_SECRET, AUTH_SECRET_PREVIOUS]
  return secrets.flatMap((secret) => (secret ? [createHmac('sha256', secret).update(audience).digest()] : []))
}

function invalid(): InvalidToken {
  return new InvalidToken('The ticket is not valid, or not for this job.')
}
