import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { referenceFiles, referenceFolder } from '../../core/http/pages/reference-page.ts'
import { type Deployment, deploy, secrets } from './support/deployment.ts'
import { all, functionNames, one } from './support/look.ts'
import { root } from './support/platform.ts'

const invocation = 'aws:lambda/invocation:Invocation'

test('the deployment calls the function that applies the migrations, which brings the files along', async () => {
  const deployed = await deploy()
  const migration = one(deployed, invocation)
  expect(migration.inputs).toMatchObject({ functionName: expect.stringContaining('MigrateFunction') })
  expect(JSON.parse(String(migration.inputs.input))).toEqual({ mode: 'apply', patienceSeconds: 30 })
  const target = deployed.targets.find(({ functionID }) => functionID === 'Migrate')
  expect(target?.copyFiles).toContainEqual({
    from: join(root, 'drizzle/migrations'),
    to: 'drizzle/migrations',
    isDir: true,
  })
  const files = readdirSync(join(root, 'drizzle/migrations'), { recursive: true, encoding: 'utf8' })
  const shipped = deployed.archives.Migrate ?? []
  for (const file of files.filter((name) => /\.(sql|json)$/.test(name))) {
    expect(shipped).toContain(`drizzle/migrations/${file}`)
  }
  for (const name of ['PollerHandler', 'Stream']) expect(filesOf(deployed, name)).toEqual(new Set())
})

test('every function is packed with its own bundle, and the table of error numbers beside it', async () => {
  const { archives, targets } = await deploy()
  const bundles = targets.map(({ functionID, bundle, handler }) => [functionID, basename(bundle ?? ''), handler])
  expect(bundles.toSorted()).toEqual([
    ['ApiHandler', 'api', 'api.handler'],
    ['Migrate', 'migrate', 'migrate.handler'],
    ['PollerHandler', 'poller', 'poller.handler'],
    ['Stream', 'stream', 'stream.handler'],
  ])
  for (const [name, file] of bundles) {
    const atItsRoot = (archives[name ?? ''] ?? []).filter((one) => !one.includes('/'))
    expect(atItsRoot).toEqual(expect.arrayContaining([`${file}.mjs`, 'error-table.cjs', 'resource.enc']))
    expect(atItsRoot.filter((one) => one.endsWith('.map'))).toEqual([])
  }
})

test('the API brings what its reference page loads, and no other file', async () => {
  const deployed = await deploy()
  const reference = Object.keys(referenceFiles).map((name) => `${referenceFolder}/${name}`)
  expect(reference.length).toBeGreaterThan(1)
  expect(filesOf(deployed, 'ApiHandler')).toEqual(new Set(reference))
})

test('it is called again when the database is another one, and never shows its URL', async () => {
  const triggersOf = async (DatabaseUrl: string) => {
    const { inputs, secretInputs } = one(await deploy({ secrets: { ...secrets, DatabaseUrl } }), invocation)
    expect(secretInputs).toContain('triggers')
    expect(JSON.stringify(inputs)).not.toContain('hidden')
    return inputs.triggers as Record<string, string>
  }
  const first = await triggersOf('mysql://user:hidden@one.example/vision')
  const second = await triggersOf('mysql://user:hidden@two.example/vision')
  expect(first.migrations).toMatch(/^[0-9a-f]{64}$/)
  expect(first.migrations).toBe(second.migrations)
  expect(first.database).not.toBe(second.database)
})

test('where they are applied from outside, as by deploy requests, it only checks', async () => {
  const deployed = await deploy({ env: { DEPLOY_DATABASE: 'url', DEPLOY_MIGRATIONS: 'check' } })
  expect(JSON.parse(String(one(deployed, invocation).inputs.input))).toEqual({ mode: 'check', patienceSeconds: 30 })
})

test('a migration that fails stops the deployment before any function gets new code', async () => {
  const deployed = await deploy({ failing: invocation })
  expect(deployed.errors.join()).toContain('Migration could not be made')
  expect(functionNames(deployed)).toEqual(['Migrate'])
  expect(all(deployed, 'aws:scheduler/schedule:Schedule')).toEqual([])
})

/** The files that come with a function beside its bundle. SST packs single files twice, and lists folders. */
function filesOf({ archives }: Deployment, name: string): ReadonlySet<string> {
  return new Set((archives[name] ?? []).filter((file) => file.includes('/') && !file.endsWith('/')))
}
