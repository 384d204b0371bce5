/** Its settings in one process and without worker threads, which is the fastest for steps that do little. */
export const settings = (url, inFlight) => ({
  backend: { driver: '@sidequest/mysql-backend', config: url },
  queues: [{ name: 'default', concurrency: inFlight, state: 'active' }],
  maxConcurrentJobs: inFlight,
  jobPollingInterval: 10,
  fork: false,
  runner: 'inline',
  gracefulShutdown: false,
  logger: { level: 'error' },
  dashboard: { enabled: false },
})
