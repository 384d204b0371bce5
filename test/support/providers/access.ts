import type { Database } from '../../../core/database/client.ts'
import {
  createProviderAccess,
  type ProviderAccess,
  type ProviderAccessOptions,
} from '../../../core/providers/access.ts'

/** A worker's way to providers that limit nothing, unless a test says otherwise. */
export function accessTo(
  database: Database,
  changes: Partial<ProviderAccessOptions> & { readonly workerId: string },
): ProviderAccess {
  return createProviderAccess({
    database,
    limits: { gemini: {}, deepseek: {} },
    pause: { baseMs: 30_000, capMs: 900_000 },
    leaseMs: 60_000,
    log: () => undefined,
    now: () => performance.now(),
    ...changes,
  })
}
