import { createRequire } from 'node:module'
import { defineConfig } from 'vitest/config'
import { commonjsModules } from './dev/boot/commonjs-modules.mjs'

const { resolve } = createRequire(import.meta.url)

export default defineConfig({
  resolve: {
    alias: commonjsModules.map((name) => ({
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
