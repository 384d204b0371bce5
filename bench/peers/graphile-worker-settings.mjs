import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import pg from 'pg'

const logger = new Logger(() => () => undefined)

/** Makes its schema anew. @param max the most connections */
export async function open(url, max) {
  const pool = new pg.Pool({ connectionString: url, max })
  pool.on('error', console.error)
  pool.on('connect', (client) => client.on('error', console.error))
  const utils = await makeWorkerUtils({ pgPool: pool, logger })
  await pool.query('DROP SCHEMA IF EXISTS graphile_worker CASCADE')
  await utils.migrate()
  return { pool, utils }
}

/** Starts a worker. @param isBatch jobs are taken 500 at a time into a queue of the worker, and completed together */
export const start = (pool, inFlight, isBatch, taskList) =>
  run({
    pgPool: pool,
    logger,
    noHandleSignals: true,
    concurrency: inFlight,
    preset: {
      worker: {
        pgPool: pool,
        concurrentJobs: inFlight,
        pollInterval: 100,
        ...(isBatch && { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }),
      },
    },
    taskList,
  })
