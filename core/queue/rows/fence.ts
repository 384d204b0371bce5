import { type SQL, sql } from 'drizzle-orm'
import type { RunIdentity } from '../../domain/run.ts'

/** The condition of every write of a run: it matches nothing once the run no longer holds the job. */
export const held = ({ jobId, attempt }: RunIdentity): SQL =>
  sql`id = ${jobId} AND status = 'processing' AND attempt = ${attempt}`
