import type { Hono } from 'hono'
import { compress } from 'hono/compress'
import { VisionError } from '../../domain/errors.ts'
import type { AppEnv } from '../context.ts'
import { refuseOtherMethods } from '../rest.ts'
import { escapeHtml, htmlPage, pageHeaders } from './page.ts'

/** Where the OpenAPI document can be read and tried in a browser. */
export const referencePath = '/docs'

/** The files of Swagger UI that the page loads, and nothing else of it. */
export const referenceFiles: Readonly<Record<string, string>> = {
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'swagger-ui.css': 'text/css; charset=utf-8',
}

/** The files are beside the function: in a deployed one, and in a checkout, the working folder is their root. */
export const referenceFolder = 'node_modules/swagger-ui-dist'

/** The API key that the page is to begin with, for whom it is shown to; undefined: the reader enters one. */
export type KeyFor = (request: Request, bindings: unknown) => string | undefined

/**
 * Serves the OpenAPI document as a page. Its files are read on the first request, so that a server without readers pays
 * nothing at its start.
 */
export function mountReferencePage(app: Hono<AppEnv>, title: string, keyFor: KeyFor = () => undefined): void {
  app.use(`${referencePath}/*`, compress())
  app.get(referencePath, (call) => {
    // The key is in the page, which no page of another origin can read, and not in a script, which any could run.
    return call.html(referencePage(title, keyFor(call.req.raw, call.env)), 200, pageHeaders)
  })
  app.get(`${referencePath}/`, (call) => call.redirect(referencePath))
  app.get(`${referencePath}/start.js`, (call) => call.body(start, 200, fileHeaders('text/javascript; charset=utf-8')))
  app.get(`${referencePath}/:file`, async (call) => {
    const file = call.req.param('file')
    const type = Object.hasOwn(referenceFiles, file) ? referenceFiles[file] : undefined
    if (type === undefined) throw new VisionError('request.not_found')
    // Not imported: see docs/decisions/0013-bundles.md.
    const { readFile } = process.getBuiltinModule('node:fs/promises')
    const { resolve } = process.getBuiltinModule('node:path')
    return call.body(await readFile(resolve(referenceFolder, file), 'utf8'), 200, fileHeaders(type))
  })
  for (const path of [referencePath, `${referencePath}/:file`]) refuseOtherMethods(app, path, ['GET', 'HEAD'])
}

function fileHeaders(type: string) {
  return { 'content-type': type, 'cache-control': 'public, max-age=3600', 'x-content-type-options': 'nosniff' }
}

/** Its addresses are relative: a gateway may have put a stage before the path. */
function referencePage(title: string, key: string | undefined): string {
  return htmlPage(
    title,
    `<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="reference"${key === undefined ? '' : ` data-key="${escapeHtml(key)}"`}></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>`,
  )
}

// `validatorUrl`: by default the document's address is sent to a service of others.
const start = `const place = document.getElementById('reference')
const ui = SwaggerUIBundle({
  url: 'openapi.json',
  domNode: place,
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  onComplete: () => {
    if (place.dataset.key) ui.preauthorizeApiKey('apiKey', place.dataset.key)
    document.body.dataset.ready = 'yes'
  },
})
`
