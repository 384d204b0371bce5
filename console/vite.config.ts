import { fileURLToPath } from 'node:url'
import type { InlineConfig } from 'vite'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Where the console is served. */
const base = '/console/'

/** How the console is built, by dev/console/build.ts. */
const config: InlineConfig = {
  root: at('.'),
  base,
  logLevel: 'warn',
  resolve: {
    alias: {
      'vision-pipeline-client': at('../client/src/index.ts'),
      // The condition of a browser names a built file, and the client is not built here.
      '#files': at('../client/src/files-web.ts'),
    },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2023',
    // The first that know light-dark(): rewritten for older ones, no element could have a theme of its own.
    cssTarget: ['chrome123', 'edge123', 'firefox120', 'safari17.5'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
}

export default config
