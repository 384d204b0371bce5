import { type SQL, sql } from 'drizzle-orm'
import type { RunIdentity } from '../domain/run.ts'

/** Every write of a run carries this: nothing matches once the job is another run's, or nobody's. */
export const held = ({ jobId, attempt }: RunIdentity): SQL =>
  sql`id = ${jobId} AND status = 'processing' AND attempt = ${attempt}`
