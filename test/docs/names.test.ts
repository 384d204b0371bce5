import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { appRouter, resources } from '../../core/api/router.ts'
import { errorCodes } from '../../core/domain/errors.ts'
import { operationsOf } from '../../core/http/operations.ts'
import { webhookEvents } from '../../drizzle/schema.ts'
import { pages, read, root } from './pages.ts'

// What a page names is there. The changelog tells of what was.
const told = pages.filter((page) => page !== 'CHANGELOG.md')

const operations = operationsOf(appRouter, resources)
const examples = ['.env.example', '.env.deploy.example'].map(read).join('\n')
const settings = new Map(
  [...examples.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map(([, key = '', rest = '']) => [
    key,
    /\(([^()]*)\)$/.exec(rest)?.[1],
  ]),
)

/** Every place of the pages where a pattern stands, as the page and what the pattern found. */
const places = (pattern: RegExp) =>
  told.flatMap((page) => [...read(page).matchAll(pattern)].map((match) => ({ page, match })))

/** Whether a path is of a route: with its fields by name, or with ids, users and shell variables in their places. */
function isPathOf(template: string, path: string): boolean {
  const pattern = template.replaceAll(/\{\w+\}/g, String.raw`(?:\{\w+\}|\$\w+|\d+|ann)`)
  return new RegExp(`^${pattern}$`).test(path)
}

describe('what the pages name is there', () => {
  test('the calls', () => {
    const found = places(/\b(GET|POST|PUT|PATCH|DELETE) (\/v1\/[\w{}$/]*)/g)
    expect(found.length).toBeGreaterThan(60)
    const unknown = found.filter(({ match: [, method, path = ''] }) =>
      operations.every((one) => one.method !== method || !isPathOf(one.template, path)),
    )
    expect(unknown.map(({ page, match: [call] }) => `${page}: ${call}`)).toEqual([])
  })

  test('the settings, and their defaults where a page says them', () => {
    // Of tests, of Node.js, of the client, of SST, and variables of the blocks themselves.
    const own = /^(?:TEST|NODE|GET|VISION|SST|NEW|OLD|OTHER)_/
    const unknown = places(/`([A-Z][A-Z0-9]+_[A-Z0-9_]*)[`=]/g).filter(
      ({ match: [, key = ''] }) => !settings.has(key) && !own.test(key),
    )
    expect(unknown.map(({ page, match: [key] }) => `${page}: ${key}`)).toEqual([])
    const defaults = places(/`([A-Z][A-Z0-9_]+)` \(([\d,]+)\)/g)
    expect(defaults.length).toBeGreaterThan(10)
    for (const { page, match } of defaults) {
      const [text, key = '', said = ''] = match
      // The most pollers at once follow from how long one may run.
      if (key === 'DEPLOY_POLLER_MAX') continue
      expect(said.replaceAll(',', ''), `${page}: ${text}`).toBe(settings.get(key))
    }
  })

  test('the codes', () => {
    const families = new Set(Object.keys(errorCodes).map((code) => code.split('.')[0]))
    const known: ReadonlySet<string> = new Set([...Object.keys(errorCodes), ...webhookEvents, 'webhook.test'])
    const unknown = places(/`(([a-z]+)\.[a-z_]{3,})`/g).filter(
      ({ match: [, code = '', family = ''] }) => families.has(family) && !known.has(code),
    )
    // A property of the job, and the rule that a request must not take the place of another.
    const others = ['docs/api.md: `image.url`', 'docs/adding-a-provider.md: `request.previous`']
    expect(unknown.map(({ page, match: [code] }) => `${page}: ${code}`).filter((one) => !others.includes(one))).toEqual(
      [],
    )
  })

  test('the files', () => {
    const folders = 'bench|cli|client|console|core|dev|docs|drizzle|eval|examples|functions|infra|samples|test'
    const found = places(new RegExp(String.raw`[\x60 ]((?:${folders})/[\w./-]+)\x60`, 'g'))
    expect(found.length).toBeGreaterThan(30)
    const missing = found.filter(
      ({ page, match: [, file = ''] }) => !existsSync(join(root, file)) && !existsSync(join(root, dirname(page), file)),
    )
    expect(missing.map(({ page, match: [, file] }) => `${page}: ${file}`)).toEqual([])
  })

  test('the metrics, each with what it counts', () => {
    const written = [...read('core/platform/metrics.ts').matchAll(/'([A-Z]\w+)'/g)].map(([, name = '']) => name)
    const rows = read('docs/observability.md').match(/^\| `.*$/gm) ?? []
    const told = rows.flatMap((row) =>
      [...(row.split(' | ')[0] ?? '').matchAll(/`([A-Z]\w+)`/g)].map(([, name = '']) => name),
    )
    expect(told.toSorted()).toEqual(written.filter((name) => name !== 'VisionPipeline').toSorted())
  })

  test('the scripts', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = places(/npm (?:run (?:-s )?)?([\w:-]+)/g)
    const unknown = named.filter(({ match: [call, name = ''] }) => call.startsWith('npm run') && !(name in scripts))
    expect(unknown.map(({ page, match: [call] }) => `${page}: ${call}`)).toEqual([])
    // Those that end so are called by those that have the name before it.
    const own = Object.keys(scripts).filter((name) => !name.endsWith(':all'))
    const told = named.filter(({ page }) => page === 'CONTRIBUTING.md').map(({ match: [, name] }) => name)
    expect(own.filter((name) => !told.includes(name))).toEqual([])
  })
})

test('each call of the API is told: a user’s in docs/api.md by its name and route, an operator’s in the runbook', () => {
  const rows = read('docs/api.md').split('\n')
  const runbook = [...read('docs/operating.md').matchAll(/(\/v1\/[\w/]+)/g)].map(([, path = '']) => path)
  const untold = operations.filter(({ path, template, meta }) => {
    if (meta.scope === 'operator') return !runbook.some((told) => isPathOf(template, told))
    const row = rows.find((one) => one.includes(`\`${path.split('.').at(-1)}\``))
    // Of two calls in a row the second may leave out what it shares with the first.
    return row === undefined || !row.includes(`${template.slice(template.lastIndexOf('/'))}`)
  })
  expect(untold.map(({ path }) => path)).toEqual([])
})
