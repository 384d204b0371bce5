import { and, asc, eq, getTableColumns, type SQL, sql } from 'drizzle-orm'
import { visionWebhookEndpoints, type WebhookEvent, webhookEvents } from '../../drizzle/schema.ts'
import type { Database } from '../database/client.ts'
import { lockUserRow } from '../database/lock-user.ts'
import { matchedBy, type Queryable, rowsOf } from '../database/sql.ts'
import { VisionError } from '../domain/errors.ts'
import type { RandomBytes } from '../platform/trace.ts'
import { maxSecrets, newSecret, validSecrets } from './secrets.ts'

type Row = typeof visionWebhookEndpoints.$inferSelect

/** An endpoint, without its secrets. */
export type EndpointRow = Omit<Row, 'secrets'> & {
  /** Until when a secret that was rotated out is valid, the last of them; null for none. */
  readonly previousSecretUntil: Date | null
}

/** An endpoint with the secret that was just made: the one time that it is seen. */
export interface NewSecretOf {
  readonly row: EndpointRow
  readonly secret: string
}

/** An endpoint as its owner names it: another user's does not exist. */
export interface OwnedEndpoint {
  readonly userId: string
  readonly endpointId: number
}

/** What an owner says of an endpoint. */
export interface EndpointSettings {
  /** A URL that passed `checkWebhookUrl`. */
  readonly url: string
  readonly events: readonly WebhookEvent[]
  /** Up to 200 characters, for people. */
  readonly description: string | null
}

/** How many endpoints a user may have, disabled ones included. */
export const maxEndpoints = 10

/**
 * Creates an endpoint, which receives the events from then on.
 *
 * @throws VisionError `webhook.too_many`
 */
export async function createEndpoint(
  database: Database,
  userId: string,
  { url, events, description }: EndpointSettings,
  randomBytes: RandomBytes,
): Promise<NewSecretOf> {
  const secret = newSecret(randomBytes)
  let made = 0
  const find = (on: Queryable) => findEndpoint(on, { userId, endpointId: made })
  const row = await database.transact(
    async (tx) => {
      await lockUserRow(tx, userId)
      const [counted] = await rowsOf<{ endpoints: number }>(
        tx,
        sql`SELECT COUNT(*) AS endpoints FROM vision_webhook_endpoints FORCE INDEX (owner) WHERE user_id = ${userId}`,
      )
      if (Number(counted?.endpoints) >= maxEndpoints) throw new VisionError('webhook.too_many')
      const now = sql`UTC_TIMESTAMP(3)`
      const [{ insertId }] = await tx.insert(visionWebhookEndpoints).values({
        userId,
        url,
        description,
        events: inOrder(events),
        secrets: [{ secret, validUntil: null }],
        servedAt: now,
        sweptAt: now,
        createdAt: now,
        updatedAt: now,
      })
      made = insertId
      return find(tx)
    },
    async (on) => find(on),
  )
  if (row === undefined) throw new Error('the endpoint that was made is gone')
  return { row, secret }
}

/** A user's endpoints, oldest first; there are `maxEndpoints` at most. */
export function listEndpoints(database: Database, userId: string): Promise<readonly EndpointRow[]> {
  return database.run(async (on) => {
    const rows = await on
      .select(withClock)
      .from(visionWebhookEndpoints, { forceIndex: 'owner' })
      .where(eq(visionWebhookEndpoints.userId, userId))
      .orderBy(asc(visionWebhookEndpoints.id))
    return rows.map(withoutSecrets)
  })
}

/** @throws VisionError `webhook.not_found` */
export async function getEndpoint(database: Database, owned: OwnedEndpoint): Promise<EndpointRow> {
  return required(await database.run((on) => findEndpoint(on, owned)))
}

/** What is changed of an endpoint; what is left out stays. */
export type EndpointChanges = { readonly [Name in keyof EndpointSettings]?: EndpointSettings[Name] | undefined } & {
  readonly enabled?: boolean | undefined
}

/**
 * Changes an endpoint. One that is enabled, or gets another URL, begins anew: whatever it failed of is forgotten, and what still waits
 * for it is sent. Whoever serves it as it was before stops.
 *
 * @throws VisionError `webhook.not_found`
 */
export async function updateEndpoint(
  database: Database,
  owned: OwnedEndpoint,
  { url, events, description, enabled }: EndpointChanges,
): Promise<EndpointRow> {
  const begins = url !== undefined || enabled === true
  const ends = [
    ...(url === undefined ? [] : [sql`url <> ${url}`]),
    ...(enabled === undefined ? [] : [enabled ? sql`disabled_reason IS NOT NULL` : sql`disabled_reason IS NULL`]),
  ]
  const row = await database.run(async (on) => {
    await matchedBy(
      on,
      sql`UPDATE vision_webhook_endpoints SET ${sql.join(
        [
          // First: assignments are made in this order, and these compare with what was before.
          ...(ends.length === 0 ? [] : [endLease(sql.join(ends, sql` OR `))]),
          ...(url === undefined ? [] : [sql`url = ${url}`]),
          ...(events === undefined ? [] : [sql`events = ${inOrder(events)}`]),
          ...(description === undefined ? [] : [sql`description = ${description}`]),
          ...(enabled === true ? [sql`disabled_reason = NULL`] : []),
          ...(enabled === false ? [sql`disabled_reason = COALESCE(disabled_reason, 'owner')`] : []),
          ...(begins ? [sql`failures = 0, failing_since = NULL, retry_at = NULL, slow = 0`] : []),
          sql`updated_at = UTC_TIMESTAMP(3)`,
        ],
        sql`, `,
      )} WHERE ${isOwned(owned)}`,
    )
    return findEndpoint(on, owned)
  })
  return required(row)
}

/**
 * Deletes an endpoint: nothing more is sent to it. What its owner said of it, and its secrets, go at once; what is left of its row
 * goes with its deliveries, which are swept.
 *
 * @throws VisionError `webhook.not_found`, also for another user's and for one that was deleted before
 */
export async function deleteEndpoint(database: Database, { userId, endpointId }: OwnedEndpoint): Promise<void> {
  const deleted = await database.run((on) =>
    matchedBy(
      on,
      sql`UPDATE vision_webhook_endpoints SET user_id = '', url = '', description = NULL, secrets = '[]', disabled_reason = 'owner',
          ${endLease(sql`TRUE`)}
        WHERE id = ${endpointId} AND user_id = ${userId}`,
    ),
  )
  if (deleted === 0) throw new VisionError('webhook.not_found')
}

/**
 * Gives an endpoint a new secret. Those from before sign as well for a time, so that its receiver can follow; one that is lost with
 * the answer does no harm.
 *
 * @param previousMs for how long those from before are valid yet, in milliseconds; a shorter rest stays as it is
 * @throws VisionError `webhook.not_found` or `webhook.too_many_secrets`
 */
export async function rotateSecret(
  database: Database,
  owned: OwnedEndpoint,
  previousMs: number,
  randomBytes: RandomBytes,
): Promise<NewSecretOf> {
  const secret = newSecret(randomBytes)
  const row = await database.transact(
    async (tx) => {
      const found = await find(tx, owned, true)
      if (found === undefined) throw new VisionError('webhook.not_found')
      const now = found.now.getTime()
      const until = now + previousMs
      const before = validSecrets(found.secrets, now).map(({ secret, validUntil }) => {
        return { secret, validUntil: Math.min(validUntil ?? until, until) }
      })
      const secrets = [{ secret, validUntil: null }, ...validSecrets(before, now)]
      if (secrets.length > maxSecrets) throw new VisionError('webhook.too_many_secrets')
      await tx.update(visionWebhookEndpoints).set({ secrets, updatedAt: sql`UTC_TIMESTAMP(3)` }).where(isOwned(owned))
      return findEndpoint(tx, owned)
    },
    async (on) => {
      const found = await find(on, owned)
      return found?.secrets.some((one) => one.secret === secret) ? withoutSecrets(found) : undefined
    },
  )
  return { row: required(row), secret }
}

/** Takes an endpoint from the worker that serves it, where a condition holds: its next read finds another lease, and another may serve it. */
function endLease(when: SQL): SQL {
  return sql`lease_expires_at = IF(${when}, NULL, lease_expires_at), lease = IF(${when}, lease + 1, lease)`
}

/** The events that an endpoint receives. */
export function eventsOf({ events }: Pick<EndpointRow, 'events'>): WebhookEvent[] {
  return events.split(' ') as WebhookEvent[]
}

const withClock = {
  ...getTableColumns(visionWebhookEndpoints),
  now: sql`UTC_TIMESTAMP(3)`.mapWith(visionWebhookEndpoints.createdAt),
}

type FoundRow = Row & { readonly now: Date }

async function findEndpoint(on: Queryable, owned: OwnedEndpoint): Promise<EndpointRow | undefined> {
  const found = await find(on, owned)
  return found && withoutSecrets(found)
}

async function find(on: Queryable, owned: OwnedEndpoint, lock = false): Promise<FoundRow | undefined> {
  const query = on.select(withClock).from(visionWebhookEndpoints).where(isOwned(owned))
  const [row] = await (lock ? query.for('update') : query)
  return row as FoundRow | undefined
}

function isOwned({ userId, endpointId }: OwnedEndpoint): SQL | undefined {
  return and(eq(visionWebhookEndpoints.id, endpointId), eq(visionWebhookEndpoints.userId, userId))
}

function withoutSecrets({ secrets, now, ...row }: FoundRow): EndpointRow {
  const previous = validSecrets(secrets, now.getTime()).flatMap(({ validUntil }) => validUntil ?? [])
  return { ...row, previousSecretUntil: previous.length === 0 ? null : new Date(Math.max(...previous)) }
}

function required(row: EndpointRow | undefined): EndpointRow {
  if (row === undefined) throw new VisionError('webhook.not_found')
  return row
}

/** Each once, in the order in which they are documented. */
function inOrder(events: readonly WebhookEvent[]): string {
  return webhookEvents.filter((event) => events.includes(event)).join(' ')
}
