import type { Database } from '../../../core/database/client.ts'
import type { ProviderConfig } from '../../../core/platform/config/providers.ts'
import {
  createProviderAccess,
  type ProviderAccess,
  type ProviderAccessOptions,
} from '../../../core/providers/availability/permits.ts'
import type { Model } from '../../../core/providers/model.ts'
import { createPrices } from '../../../core/providers/prices.ts'
import { registry } from '../../../core/providers/registry.ts'
import { type CommonOptions, createModelOf } from '../../../core/providers/serving.ts'

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

export type ModelChanges = Partial<ProviderConfig & CommonOptions>

/** The model of a registered provider, as its entry makes it, with the default model where a test says nothing else. */
export function modelOf(provider: string, changes: ModelChanges & { readonly baseUrl: string }): Model {
  const entry = registry.find(({ name }) => name === provider)
  if (!entry) throw new RangeError(`${provider} is not registered`)
  const config = { apiKey: 'a-key', model: entry.model, limits: {}, settings: {} }
  const common = { prices: createPrices([], Date.now), timeoutMs: 5_000, now: Date.now }
  return createModelOf(entry, { ...config, ...changes }, { ...common, ...changes })
}
