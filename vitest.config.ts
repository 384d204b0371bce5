import { createRequire } from 'node:module'
import { defineConfig } from 'vitest/config'

const { resolve } = createRequire(import.meta.url)

export default defineConfig({
  resolve: {
    // By its CommonJS files, as dev/quick-imports.mjs does and says why.
    alias: ['drizzle-orm', 'drizzle-orm/mysql2', 'drizzle-orm/mysql-core', 'drizzle-orm/migrator'].map((name) => ({
      find: new RegExp(`^${name}$`),
      replacement: resolve(name),
    })),
  },
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
