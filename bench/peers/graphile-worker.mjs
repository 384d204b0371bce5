// graphile-worker on PostgreSQL, with jobs taken and completed in batches.
import { Logger, makeWorkerUtils, run as start } from 'graphile-worker'
import pg from 'pg'
import { each, inFlight, jobs, perSecond, report, url } from './support.mjs'

const logger = new Logger(() => () => undefined)
const pool = new pg.Pool({ connectionString: url, max: 12 })
pool.on('error', console.error)
pool.on('connect', (client) => client.on('error', console.error))
const utils = await makeWorkerUtils({ pgPool: pool, logger })
await pool.query('DROP SCHEMA IF EXISTS graphile_worker CASCADE')
await utils.migrate()
const one = await perSecond(jobs, () => each(jobs, 64, () => utils.addJob('nothing', {})))
const batch = await perSecond(jobs * 5, () =>
  each(jobs / 20, 4, () => utils.addJobs(Array.from({ length: 100 }, () => ({ identifier: 'nothing', payload: {} })))),
)
let done = 0
const all = Promise.withResolvers()
const run = await perSecond(jobs * 6, async () => {
  await start({
    pgPool: pool,
    logger,
    noHandleSignals: true,
    concurrency: inFlight,
    preset: {
      worker: {
        pgPool: pool,
        concurrentJobs: inFlight,
        pollInterval: 100,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
    taskList: {
      nothing: () => {
        if (++done === jobs * 6) all.resolve()
      },
    },
  })
  await all.promise
})
report({ one, batch, run })
