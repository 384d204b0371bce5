import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // What takes more than npm test may: see package.json.
    exclude: ['**/node_modules/**', 'test/lambda/**', 'test/infra/**'],
    globalSetup: ['test/setup/database.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // A client of server-sent events that is not ours.
    execArgv: ['--experimental-eventsource'],
  },
})
