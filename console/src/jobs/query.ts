import type { operations } from '../../../client/src/openapi.ts'
import { type Format, formats } from '../ui/texts.ts'

export type JobQuery = NonNullable<operations['getJobHistory']['parameters']['query']>

/** What the address says is shown: each name as it stands there. */
export interface Filters {
  readonly show?: string | undefined
  readonly format?: string | undefined
  readonly batch?: string | undefined
  readonly code?: string | undefined
  readonly since?: string | undefined
  readonly sku?: string | undefined
  /** A name in the metadata, and the value it has there: a word, a number, true or false. */
  readonly field?: string | undefined
  readonly value?: string | undefined
}

export const groups = {
  Working: ['processing'],
  Waiting: ['pending', 'scheduled', 'blocked'],
  Done: ['completed'],
  Failed: ['failed'],
  Cancelled: ['cancelled'],
} as const satisfies Record<string, JobQuery['status']>

export type Group = keyof typeof groups

/** The times that can be chosen, in hours. */
export const spans: Readonly<Record<string, number>> = { '1h': 1, '24h': 24, '7d': 168 }

/** What the API is asked; what an address says that means nothing is left out. */
export function queryOf(filters: Filters, now: number): JobQuery {
  const { show, format, batch, code, since, sku, field, value } = filters
  const hours = since && Object.hasOwn(spans, since) ? spans[since] : undefined
  return {
    ...(show && Object.hasOwn(groups, show) && { status: [...groups[show as Group]] }),
    ...(format && formats.includes(format as Format) && { outputFormat: [format as Format] }),
    ...(batch && /^\d+$/.test(batch) && { batchId: Number(batch) }),
    ...(code && { code }),
    ...(hours !== undefined && { createdFrom: new Date(now - hours * 3_600_000).toISOString() }),
    ...(field && value && { metadataKey: field, metadataValue: value }),
    ...(sku && { metadataKey: 'sku', metadataValue: sku }),
  }
}

/** The address of these filters. */
export function addressOf(filters: Filters): string {
  const set = Object.entries(filters).filter((entry): entry is [string, string] => Boolean(entry[1]))
  const search = new URLSearchParams(set).toString()
  return `/console/jobs${search && `?${search}`}`
}
