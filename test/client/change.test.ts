import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type * as Client from '../../client/src/index.ts'
import { type StartedClient, startClient } from '../support/client/started.ts'
import type { LocalStack } from '../support/dev/local-stack.ts'

const poster = join(import.meta.dirname, '../../samples/poster.png')

let started: StartedClient
let stack: LocalStack
let client: typeof Client
beforeAll(async () => {
  started = await startClient()
  ;({ stack, client } = started)
})
afterAll(() => started.stop())

/** A batch of jobs that fail. */
async function failedBatch(vision: Client.VisionClient, count: number): Promise<number> {
  const { data } = await vision.api.POST('/v1/batches', { body: {} })
  const batchId = data?.batchId ?? 0
  const fields = { analysisPurpose: 'Sell it [emulate failed]', outputFormat: 'alt_text' }
  const imageUrl = await vision.upload(poster)
  const jobs = Array.from({ length: count }, () => ({ imageUrl, ...fields }))
  await vision.api.POST('/v1/batches/{batchId}/jobs', { params: { path: { batchId } }, body: { jobs } })
  await vision.waitForBatch(batchId)
  return batchId
}

test('jobs are counted, cancelled, retried and deleted by a filter, call by call, and a lost answer does no harm', async () => {
  let lost = 0
  const losing: typeof fetch = async (input, init) => {
    const response = await fetch(input, init)
    if (input instanceof Request && input.url.endsWith('/delete') && lost++ === 1)
      throw new TypeError('the answer is lost')
    return response
  }
  const vision = client.createVisionClient({ url: stack.url, fetch: losing, random: () => 0 })
  const failed = await failedBatch(vision, 5)
  expect(await vision.retryJobs({ batchId: failed }, { dryRun: true })).toMatchObject({ jobs: 5, more: false })
  expect(await vision.cancelJobs({ batchId: failed }, { perCall: 2 })).toMatchObject({
    jobs: 0,
    refused: [{ code: 'job.not_cancellable', jobs: 5 }],
  })
  const seen: number[] = []
  const retried = await vision.retryJobs(
    { batchId: failed, status: ['failed'] },
    { perCall: 2, onProgress: ({ jobs }) => seen.push(jobs) },
  )
  expect([retried, seen]).toEqual([{ jobs: 5, unchanged: 0, refused: [], more: false }, [2, 4, 5]])
  await vision.waitForBatch(failed)
  const stop = new AbortController()
  const stopping = vision.deleteJobs(
    { batchId: failed },
    { perCall: 2, signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) },
  )
  await expect(stopping).rejects.toThrow('enough')
  expect(await vision.deleteJobs({ batchId: failed }, { dryRun: true })).toMatchObject({ jobs: 3 })
  lost = 0
  // What the lost call had deleted is not counted again.
  expect(await vision.deleteJobs({ batchId: failed }, { perCall: 2 })).toMatchObject({ jobs: 2, more: false })
  expect([lost, (await vision.deleteJobs({ batchId: failed }, { dryRun: true })).jobs]).toEqual([3, 0])
  await expect(vision.deleteJobs({})).rejects.toMatchObject({
    code: 'request.invalid',
    errors: [{ pointer: '#/filter' }],
  })
})
