import { apiKeys } from './api.ts'
import { bucketKeys } from './bucket.ts'
import { consoleKeys } from './console.ts'
import { migrationKeys } from './migrate.ts'
import { operatorKeys } from './operator.ts'
import { pollerKeys } from './poller.ts'
import { streamKeys } from './stream.ts'

/** The keys that each function of a deployment reads. */
export const functionKeys = {
  api: Object.keys(apiKeys),
  stream: Object.keys(streamKeys),
  poller: Object.keys(pollerKeys),
} as const satisfies Record<string, readonly string[]>

/** Every key that any entry point reads: those in .env.example. */
export const configKeys: readonly string[] = [
  ...new Set(
    [apiKeys, streamKeys, pollerKeys, migrationKeys, operatorKeys, bucketKeys, consoleKeys].flatMap((keys) =>
      Object.keys(keys),
    ),
  ),
]
