import { expect, test, vi } from 'vitest'
import { emptyTally } from '../../core/domain/tally.ts'
import { createMetrics } from '../../core/platform/metrics.ts'
import { readMetrics } from '../support/metrics.ts'

function metricsOf() {
  const lines: string[] = []
  const now = Date.now()
  const metrics = createMetrics({ service: 'vision-test', write: (line) => void lines.push(line), now: () => now })
  return { metrics, lines, now }
}

test('what a worker did is one line of CloudWatch’s embedded metric format', () => {
  const { metrics, lines, now } = metricsOf()
  metrics.report({ ...emptyTally(), claimed: 5, completed: 2, retried: 1, failed: 1, expired: 2 }, 12.5)
  metrics.flush()
  expect(lines).toHaveLength(1)
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [
        {
          Namespace: 'VisionPipeline',
          Dimensions: [['service']],
          Metrics: [
            ...[
              'PollerHeartbeat',
              'JobsClaimed',
              'JobsCompleted',
              'JobsRetried',
              'JobsFailed',
              'JobsReleased',
              'JobsLost',
              'JobsReclaimed',
            ].map((Name) => ({ Name, Unit: 'Count' })),
            { Name: 'OldestDueSeconds', Unit: 'Seconds' },
          ],
        },
      ],
    },
    service: 'vision-test',
    PollerHeartbeat: 1,
    JobsClaimed: 5,
    JobsCompleted: 2,
    JobsRetried: 1,
    JobsFailed: 3,
    JobsReleased: 0,
    JobsLost: 0,
    JobsReclaimed: 0,
    OldestDueSeconds: 12.5,
  })
})

test('a code that jobs failed with has a line of its own, and one that none fails with any more has none', () => {
  const { metrics, lines } = metricsOf()
  metrics.jobsFailed({ 'job.expired': 2, 'image.not_found': 1 })
  metrics.flush()
  metrics.jobsFailed({ 'job.expired': 3 })
  metrics.flush()
  const line = (code: string, jobs: number) => ({
    dimensions: { service: 'vision-test', code },
    values: { JobsFailedByCode: jobs },
  })
  expect(readMetrics(lines)).toEqual([line('job.expired', 2), line('image.not_found', 1), line('job.expired', 3)])
})

test('a code that jobs wait because of is told under another name than one that they failed with', () => {
  const { metrics, lines } = metricsOf()
  metrics.jobsReleased({ 'storage.unavailable': 4 })
  metrics.jobsFailed({ 'storage.unavailable': 1 })
  metrics.flush()
  expect(readMetrics(lines)).toEqual([
    {
      dimensions: { service: 'vision-test', code: 'storage.unavailable' },
      values: { JobsReleasedByCode: 4, JobsFailedByCode: 1 },
    },
  ])
})

test('a provider has a line of its own, by service and provider', () => {
  const { metrics, lines } = metricsOf()
  metrics.providerPaused('gemini', true)
  metrics.providerPaused('deepseek', false)
  metrics.flush()
  expect(readMetrics(lines)).toEqual([
    { dimensions: { service: 'vision-test', provider: 'gemini' }, values: { ProviderPaused: 1 } },
    { dimensions: { service: 'vision-test', provider: 'deepseek' }, values: { ProviderPaused: 0 } },
  ])
})

test('a wait that could not be read is left out, and is not zero', () => {
  const { metrics, lines } = metricsOf()
  metrics.report(emptyTally(), undefined)
  metrics.flush()
  const [line] = readMetrics(lines)
  expect(line?.values).toMatchObject({ PollerHeartbeat: 1 })
  expect(line?.values).not.toHaveProperty('OldestDueSeconds')
})

test.each([
  [200, 0],
  [404, 0],
  [429, 0],
  [500, 1],
  [503, 1],
])('a call of the API that is answered with %i counts as %i errors', (status, errors) => {
  const { metrics, lines } = metricsOf()
  metrics.jobsCreated(3)
  metrics.apiCall(status, 12)
  metrics.flush()
  expect(readMetrics(lines)).toEqual([
    {
      dimensions: { service: 'vision-test' },
      values: { JobsCreated: 3, ApiRequests: 1, ApiErrors: errors, ApiLatency: 12 },
    },
  ])
})

test('what is flushed is told once, and nothing is told where there is nothing', () => {
  const output = vi.spyOn(process.stdout, 'write')
  const { metrics, lines } = metricsOf()
  metrics.flush()
  metrics.jobsCreated(1)
  metrics.flush()
  metrics.flush()
  expect(readMetrics(lines)).toHaveLength(1)
  expect(output).not.toHaveBeenCalled()
  output.mockRestore()
})
