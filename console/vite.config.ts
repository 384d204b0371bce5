import { fileURLToPath } from 'node:url'
import type { InlineConfig, Plugin } from 'vite'
import { base, places } from './src/places.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The frame as app.tsx draws it, in the page itself: it is seen before any script has run, and taken over by the one that does. */
const frame: Plugin = {
  name: 'frame',
  transformIndexHtml: (html) => {
    const links = places.map(({ path, name }) => `<a href="${path}">${name}</a>`).join('')
    const brand = `<a class="brand" href="${base}/"><i></i>Vision Pipeline</a>`
    return html.replace(
      '<div id="app">',
      `$&<header class="top">${brand}<nav aria-label="Main">${links}</nav></header>`,
    )
  },
}

/** How the console is built, by dev/console/build.ts. */
const config: InlineConfig = {
  root: at('.'),
  base: `${base}/`,
  plugins: [frame],
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
