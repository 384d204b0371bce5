import { createRequire } from 'node:module'
import { defineConfig } from 'vitest/config'
import { commonjsModules } from './dev/boot/commonjs-modules.mjs'
import { LongestFirst } from './test/setup/longest-first.ts'

const { resolve } = createRequire(import.meta.url)

export default defineConfig({
  resolve: {
    alias: [
      ...commonjsModules.map((name) => ({
        find: new RegExp(`^${name}$`),
        replacement: resolve(name),
      })),
      // Of the client's sources: its package leads to its build, which may not have been made.
      { find: '#files', replacement: resolve('./client/src/files-node.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // With commands of their own: npm run test:lambda and npm run test:infra.
    exclude: ['**/node_modules/**', 'test/lambda/**', 'test/infra/**'],
    globalSetup: ['test/setup/database.ts'],
    // Long enough for a machine that does four times as much: a limit ends what hangs, it does not measure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // What is awaited by asking again may take long on such a machine, too.
    expect: { poll: { timeout: 60_000 } },
    // The files of a worker share its modules: to load them anew for each took two fifths of a run.
    isolate: false,
    // Else the SDK asks the network for credentials.
    env: { AWS_EC2_METADATA_DISABLED: 'true' },
    setupFiles: ['test/setup/no-traces.ts'],
    // Three times as many as there are processors where it is decided about a change: with twice as many, these stood still
    // for a quarter of the time, while tests waited for servers, leases and streams.
    maxWorkers: 6,
    sequence: { sequencer: LongestFirst },
    tags: [
      { name: 'long', description: 'takes minutes or processes of its own: npm run test:long runs it, not npm test' },
    ],
    // A client of server-sent events that is not ours.
    execArgv: ['--experimental-eventsource'],
  },
})
