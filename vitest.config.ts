import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // With commands of their own: npm run test:lambda and npm run test:infra.
    exclude: ['**/node_modules/**', 'test/lambda/**', 'test/infra/**'],
    globalSetup: ['test/setup/database.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // A client of server-sent events that is not ours.
    execArgv: ['--experimental-eventsource'],
  },
})
