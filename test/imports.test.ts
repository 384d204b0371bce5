import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commonjsModules } from '../dev/boot/commonjs-modules.mjs'
import { edges, imports, isOurs, root, sources, text, within } from './support/imports.ts'

const registry = 'core/providers/registry.ts'
/** What the registry loads by import(). */
const isAdapter = (file: string) =>
  new RegExp(`import\\('\\./${file.split('/').at(-1)}'\\)`).test(text.get(registry) ?? '')

describe('who imports whom', () => {
  test('every import of ours is found, and leads to a file', () => {
    expect(imports).toContainEqual({ from: 'core/queue/claim/claim.ts', to: 'drizzle/schema.ts', isType: false })
    expect(imports).toContainEqual({ from: 'core/queue/read/read.ts', to: 'core/database/client.ts', isType: true })
    expect(imports.some(({ from, isType }) => from === 'core/queue/settle/settle.ts' && !isType)).toBe(true)
    const missing = imports.filter(({ to }) => isOurs(to) && /\.(tsx?|mts|mjs)$/.test(to) && !sources.includes(to))
    expect(missing.map((edge) => `${edge.from} -> ${edge.to}`)).toEqual([])
  })

  // An arrow leads down, or to a room of the same floor.
  const floors: readonly (readonly string[])[] = [
    ['functions', 'cli', 'dev', 'eval', 'bench', 'examples', 'test'],
    ['core/api'],
    ['core/http', 'core/admin', 'core/live', 'core/worker'],
    ['core/batches'],
    ['core/queue'],
    ['core/pipeline', 'core/brands', 'core/keys', 'core/images', 'core/providers', 'core/usage', 'core/webhooks'],
    ['core/database'],
    ['core/domain', 'core/platform'],
  ]
  const floorOf = (file: string) => floors.findIndex((rooms) => rooms.some((room) => within(room)(file)))

  test('every room of core is on a floor', () => {
    const isOn = (file: string) => within('core')(file) && floorOf(file) >= 0
    expect(sources.filter((file) => within('core')(file) && !isOn(file))).toEqual([])
    for (const room of floors.flat()) expect(sources.some(within(room)), room).toBe(true)
  })

  test('no room knows what is above it', () => {
    // A provider's entry says which settings it has, and is data: see the test of the deployment.
    const isEntry = (to: string) => /^core\/providers\/(entry|limits|price|prices|registry)\.ts$/.test(to)
    const up = imports.filter(
      ({ from, to }) =>
        floorOf(from) >= 0 &&
        floorOf(to) >= 0 &&
        floorOf(to) < floorOf(from) &&
        !(within('core/platform/config')(from) && isEntry(to)),
    )
    expect(up.map(({ from, to }) => `${from} -> ${to}`)).toEqual([])
  })

  test('the rooms of core form no circle', () => {
    const roomOf = (file: string) => file.split('/').slice(0, 2).join('/')
    const between = imports.filter(
      ({ from, to }) => within('core')(from) && within('core')(to) && roomOf(from) !== roomOf(to),
    )
    const next = Map.groupBy(
      // The configuration reads the providers' data: see the test of the deployment.
      between.filter(({ from, to }) => !(within('core/platform/config')(from) && within('core/providers')(to))),
      ({ from }) => roomOf(from),
    )
    const circles: string[] = []
    const done = new Set<string>()
    const visit = (room: string, path: readonly string[]): void => {
      if (path.includes(room)) circles.push([...path.slice(path.indexOf(room)), room].join(' -> '))
      if (path.includes(room) || done.has(room)) return
      for (const { to } of next.get(room) ?? []) visit(roomOf(to), [...path, room])
      done.add(room)
    }
    for (const room of next.keys()) visit(room, [])
    expect(circles).toEqual([])
  })

  test('a room of the queue knows those below it alone', () => {
    const queueFloors = [['change'], ['create', 'claim', 'settle'], ['fairness', 'prune', 'read'], ['rows']]
    const roomOf = (file: string) => file.split('/')[2] ?? ''
    const queueFloorOf = (file: string) => queueFloors.findIndex((rooms) => rooms.includes(roomOf(file)))
    const isQueue = within('core/queue')
    expect(sources.filter((file) => isQueue(file) && queueFloorOf(file) < 0)).toEqual([])
    const up = imports.filter(
      ({ from, to }) =>
        isQueue(from) && isQueue(to) && roomOf(from) !== roomOf(to) && queueFloorOf(to) <= queueFloorOf(from),
    )
    expect(up.map(({ from, to }) => `${from} -> ${to}`)).toEqual([])
  })

  test('of what is watched live neither the feeds nor the slots know each other, or who watches', () => {
    const below = ['core/live/ticker.ts', 'core/live/event-id.ts']
    for (const room of ['core/live/changes', 'core/live/slots']) {
      const may = (to: string) => within(room)(to) || below.includes(to)
      expect(edges(within(room), (to) => within('core/live')(to) && !may(to))).toEqual([])
    }
  })

  test('core imports nothing of ours but the schema', () => {
    expect(edges(within('core'), (to) => isOurs(to) && !within('core')(to) && to !== 'drizzle/schema.ts')).toEqual([])
  })

  test('the client imports nothing of ours: it is a package of its own', () => {
    expect(edges(within('client/src'), (to) => isOurs(to) && !within('client/src')(to))).toEqual([])
  })

  test('the console imports the client, the table of error codes and the match of palettes, and only what builds and tests it imports the console', () => {
    const inBrowser = ['core/domain/errors.ts', 'core/pipeline/palette-match.ts']
    const may = (to: string) => within('console')(to) || within('client/src')(to) || inBrowser.includes(to)
    expect(edges(within('console'), (to) => isOurs(to) && !may(to))).toEqual([])
    const isOther = (from: string) => !within('console')(from) && !within('test/console')(from)
    expect(edges(isOther, within('console'))).toEqual(['dev/console/build.ts -> console/vite.config.ts'])
  })

  test('drizzle imports nothing of ours', () => {
    expect(edges(within('drizzle'), (to) => isOurs(to) && !within('drizzle')(to))).toEqual([])
  })

  test('functions import core, and nothing else of ours but what applies the migrations', () => {
    expect(edges(within('functions'), (to) => isOurs(to) && !within('core')(to) && !within('functions')(to))).toEqual([
      'functions/migrate.ts -> drizzle/migrate.ts',
    ])
  })

  test('the deployment runs nothing of core: it reads the configuration, the providers’ data and the numbers that must agree', () => {
    const isData = (file: string) =>
      within('core/platform/config')(file) ||
      [
        'core/database/limits.ts',
        'core/domain/code-alarms.ts',
        'core/images/limits.ts',
        'core/queue/settle/reserved-time.ts',
        'core/worker/schedule.ts',
      ].includes(file) ||
      file === registry
    expect(edges(within('infra'), (to) => isOurs(to) && !within('infra')(to) && !isData(to))).toEqual([])
    // A type costs nothing; an adapter is loaded with the first call.
    const read = new Set<string>()
    const follow = (file: string): void => {
      if (read.has(file)) return
      read.add(file)
      for (const { to, isType } of imports.filter(({ from }) => from === file))
        if (!isType && !isAdapter(to)) follow(to)
    }
    for (const { to } of imports.filter(({ from, to }) => within('infra')(from) && isData(to))) follow(to)
    expect([...read].filter((file) => !isData(file)).toSorted()).toEqual(
      [
        'core/domain/call-tokens.ts',
        'core/providers/entry.ts',
        'core/providers/gemini-refusals.ts',
        'core/providers/gemini-thinking.ts',
        'core/providers/next-midnight.ts',
        'core/providers/openai-refusals.ts',
        'core/providers/prices.ts',
        'core/providers/refusals.ts',
      ].toSorted(),
    )
    expect(edges((from) => !within('infra')(from) && !within('test')(from), within('infra'))).toEqual([])
  })

  test('the kernel of the HTTP surface knows no job', () => {
    const known = (to: string) =>
      within('core/http')(to) || within('core/platform')(to) || to === 'core/domain/errors.ts'
    expect(edges(within('core/http'), (to) => isOurs(to) && !known(to))).toEqual([])
    expect(
      edges(
        (from) => ['core/live', 'core/queue', 'core/admin', 'core/worker'].some((room) => within(room)(from)),
        within('core/http'),
      ),
    ).toEqual([])
  })

  test('the API is wired in one place, and nothing else puts its parts together', () => {
    const parts = ['core/live/open.ts', 'core/live/slots/wait-slots.ts', 'core/api/about.ts']
    const wiring = imports.filter((edge) => !edge.isType && !within('test')(edge.from) && parts.includes(edge.to))
    expect([...new Set(wiring.map(({ from }) => from))].sort()).toEqual([
      // Writes types from what the document says; wires nothing.
      'client/scripts/openapi-types.ts',
      'core/api/app.ts',
      'core/api/compose-streams.ts',
      'core/api/compose.ts',
    ])
    const outside = (from: string) => !within('core/api')(from) && !within('test')(from)
    expect(edges(outside, (to) => to === 'core/api/compose.ts')).toEqual([
      'functions/api.ts -> core/api/compose.ts',
      'dev/stack.ts -> core/api/compose.ts',
      // Measures it without the gateway's events.
      'bench/api-requests/ours.ts -> core/api/compose.ts',
    ])
  })

  test('the queue and the pipeline know nothing of each other', () => {
    expect(edges(within('core/queue'), within('core/pipeline'))).toEqual([])
    expect(edges(within('core/pipeline'), within('core/queue'))).toEqual([])
  })

  test('only the local stack, the commands, the evaluation, the measurements and the tests import the local stack', () => {
    const may = (from: string) => ['dev', 'cli', 'eval', 'bench', 'test'].some((folder) => within(folder)(from))
    expect(edges((from) => !may(from), within('dev'))).toEqual([])
    expect(edges((from) => !within('cli')(from) && !within('test')(from), within('cli'))).toEqual([])
    expect(edges((from) => !within('eval')(from) && !within('test')(from), within('eval'))).toEqual([])
  })

  test('every module of drizzle-orm that is imported is listed to be loaded by its CommonJS files', () => {
    const modules = imports.filter(({ to, isType }) => /^drizzle-orm(\/|$)/.test(to) && !isType).map(({ to }) => to)
    expect([...new Set(modules)].sort()).toEqual([...commonjsModules].sort())
  })

  test('nothing imports a test; measurements import what tests share', () => {
    // The tours of test/statements send every statement, and measurements time them.
    const shared = (to: string) =>
      ['test/support', 'test/setup', 'test/statements'].some((folder) => within(folder)(to)) && !to.endsWith('.test.ts')
    expect(edges((from) => !within('test')(from) && !within('bench')(from), within('test'))).toEqual([])
    expect(edges(within('bench'), (to) => within('test')(to) && !shared(to))).toEqual([])
    expect(edges((from) => !within('bench')(from) && !within('test/bench')(from), within('bench'))).toEqual([])
  })

  test('no file is imported by what it imports, be it for a type', () => {
    const next = Map.groupBy(
      imports.filter(({ to }) => sources.includes(to)),
      ({ from }) => from,
    )
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
      if (path.includes(file) || done.has(file)) return
      for (const { to } of next.get(file) ?? []) visit(to, [...path, file])
      done.add(file)
    }
    for (const file of sources) visit(file, [])
    expect(circles).toEqual([])
  })
})

/** Files of more lines than a reader takes in at once, and why each is one file all the same. */
const longFiles: Readonly<Record<string, string>> = {
  'test/api/procedures.test.ts': 'one case for each procedure, over REST and over tRPC',
  'test/domain/codes.test.ts': 'a way to each error code, so that none is said by nobody',
  'test/http/openapi.test.ts': 'one document, and every route and answer that it is held against',
  'test/http/protocol.test.ts': 'a table of everything that a client can do wrong with HTTP',
  'test/images/detect.test.ts': 'a table of formats, most of it the bytes of their headers',
  'client/src/openapi.ts': 'generated from the OpenAPI document',
  'test/images/download.test.ts': 'one hostile server and everything that it does',
  'test/live/streams.test.ts': 'one server, its streams and the clients of four kinds that read them',
  'test/queue/fencing.test.ts': 'a table of every statement that a worker without its lease might send',
  'test/worker/loop.test.ts': 'one worker with one set of steps, and everything that the loop decides',
}
const mostLines = 400

test('a file is a room: over 400 lines it needs a reason', () => {
  const lines = (file: string) => readFileSync(join(root, file), 'utf8').split('\n').length - 1
  const long = sources.filter((file) => lines(file) > mostLines)
  expect(long.filter((file) => !Object.hasOwn(longFiles, file))).toEqual([])
  expect(
    Object.keys(longFiles).filter((file) => !long.includes(file)),
    'no longer needed',
  ).toEqual([])
})

test('only the configuration reads the environment', () => {
  const readers = sources.filter(
    (file) =>
      /^(core|functions|drizzle)\//.test(file) &&
      /process\s*\.\s*env|\benv\b.*from 'node:process'/.test(text.get(file) ?? ''),
  )
  expect(readers).toEqual(['core/platform/config/load.ts'])
})
