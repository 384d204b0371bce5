import type { TestApi } from '../support/api/test-api.ts'
import type { DatabaseProxy } from '../support/database/proxy.ts'
import type { TestServices } from '../support/functions/services.ts'
import { callEveryOperation } from './api-tour.ts'
import { meetEveryCase } from './case-tour.ts'
import { eraseSomebody } from './erase-tour.ts'
import { runEveryCommand } from './operator-tour.ts'
import { drainAndSweep } from './worker-tour.ts'

/** What the tours go through. */
export interface World {
  readonly api: TestApi
  /** The API on the same database through the proxy; may be the same one. */
  readonly proxied: TestApi
  readonly proxy: DatabaseProxy
  readonly services: TestServices
}

/** Does everything once that the product can do with a database: all of docs/statements.sql is sent. */
export async function makeEveryTour({ api, proxied, proxy, services }: World): Promise<void> {
  await callEveryOperation(api)
  await meetEveryCase(proxied, proxy)
  await eraseSomebody(api)
  const [ids] = await api.database.sql(
    'SELECT (SELECT MIN(id) FROM vision_jobs) AS jobId, (SELECT MAX(id) FROM vision_api_keys) AS keyId',
  )
  await runEveryCommand(api.database.url, { jobId: Number(ids?.jobId), keyId: Number(ids?.keyId) })
  await drainAndSweep(api.database, services)
}

/** Removes what a tour leaves and a user may have only so much of, so that it can be made again. */
export async function tidy({ api: { database } }: World): Promise<void> {
  for (const statement of [
    "DELETE FROM vision_brands WHERE user_id = 'ann'",
    "DELETE FROM vision_api_keys WHERE user_id = 'ann'",
    "DELETE FROM vision_webhook_endpoints WHERE user_id IN ('', 'ann', 'bea')",
    "DELETE FROM vision_webhook_deliveries WHERE status = 'pending'",
    'UPDATE vision_batches SET closes_at = UTC_TIMESTAMP(3) WHERE closes_at > UTC_TIMESTAMP(3)',
    'DELETE FROM vision_operator_actions',
  ]) {
    await database.sql(statement)
  }
}
