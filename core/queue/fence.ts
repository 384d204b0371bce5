import { type SQL, sql } from 'drizzle-orm'
import type { RunIdentity } from '../domain/run.ts'

/** Every write of a run carries this: it matches nothing once another run, or none, holds the job. */
export const held = ({ jobId, attempt }: RunIdentity): SQL =>
  sql`id = ${jobId} AND status = 'processing' AND attempt = ${attempt}`
