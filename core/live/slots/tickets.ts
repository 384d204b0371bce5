import { createHmac } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import { type Actor, InvalidToken } from '../../platform/auth.ts'
import type { TicketConfig } from '../../platform/config/shared.ts'

/** What a ticket lets its bearer watch: one job, one batch, or all jobs of its owner. */
export type TicketScope = `job/${number}` | `batch/${number}` | 'jobs'

/** A ticket authorizes a browser to watch: an EventSource cannot send headers, so the credential is in the URL. */
export interface Tickets {
  /** Signs a ticket for the owner of what is watched. */
  sign(ticket: { readonly scope: TicketScope; readonly userId: string; readonly expiresAt: Date }): Promise<string>
  /**
   * Verifies a ticket, and returns its user.
   *
   * @param scope what it is used for, made from the request
   * @throws VisionError `request.unauthenticated` if it is not a valid ticket for just this
   */
  check(ticket: string, scope: string): Promise<Actor>
}

const audience = 'vision-pipeline/job-events'

/**
 * Signs and verifies JWTs (HS256), each for one scope and one audience.
 *
 * @param now milliseconds since the epoch
 */
export function createTickets(config: TicketConfig, now: () => number): Tickets {
  const [current, ...previous] = keysOf(config)
  if (current === undefined) throw new Error('there is no secret to sign tickets with')

  const verify = async (ticket: string) => {
    for (const key of [current, ...previous]) {
      try {
        const options = { audience, algorithms: ['HS256'], requiredClaims: ['sub', 'exp', 'watch'] }
        return (await jwtVerify(ticket, key, { ...options, currentDate: new Date(now()) })).payload
      } catch (error) {
        if (!(error instanceof errors.JOSEError)) throw error
      }
    }
    throw invalid()
  }
  return {
    sign: ({ scope, userId, expiresAt }) =>
      new SignJWT({ watch: scope })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(userId)
        .setAudience(audience)
        .setExpirationTime(expiresAt)
        .sign(current),
    check: async (ticket, scope) => {
      const { sub, watch } = await verify(ticket)
      if (sub === undefined || watch !== scope) throw invalid()
      return { userId: sub, scopes: new Set(['read']) }
    },
  }
}

/**
 * The keys are derived, so that a ticket is never a valid bearer token, nor the reverse, although both may be based on
 * AUTH_SECRET.
 */
function keysOf(config: TicketConfig): readonly Uint8Array[] {
  const { STREAM_SECRET, STREAM_SECRET_PREVIOUS, AUTH_SECRET, AUTH_SECRET_PREVIOUS } = config
  const secrets = STREAM_SECRET ? [STREAM_SECRET, STREAM_SECRET_PREVIOUS] : [AUTH_SECRET, AUTH_SECRET_PREVIOUS]
  return secrets.flatMap((secret) => (secret ? [createHmac('sha256', secret).update(audience).digest()] : []))
}

function invalid(): InvalidToken {
  return new InvalidToken('The ticket is not valid, or not for this stream.')
}
