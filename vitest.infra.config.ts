import { defineConfig } from 'vitest/config'
import { mistakenImports } from './test/infra/support/mutation-plugin.ts'

// The deployment, apart from the suite: it needs SST's components, which are large.
export default defineConfig({
  plugins: [mistakenImports(process.env.INFRA_MUTATION)],
  test: {
    // What a mistake made of a file is for that run alone.
    fsModuleCache: process.env.INFRA_MUTATION === undefined,
    include: ['test/infra/**/*.test.ts'],
    globalSetup: ['test/infra/support/setup.ts'],
    // A run of the configuration takes seconds, or minutes where the machine is busy.
    testTimeout: 400_000,
    hookTimeout: 400_000,
    maxWorkers: 2,
  },
})
