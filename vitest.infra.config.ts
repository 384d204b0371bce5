import { defineConfig } from 'vitest/config'

// The deployment, apart from the suite: it needs SST's components, which are large.
export default defineConfig({
  test: {
    include: ['test/infra/**/*.test.ts'],
    globalSetup: ['test/infra/support/setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
})
