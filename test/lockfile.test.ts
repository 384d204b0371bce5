import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

interface Entry {
  readonly optionalDependencies?: Record<string, string>
}
const read = async (name: string) => JSON.parse(await readFile(new URL(`../${name}`, import.meta.url), 'utf8'))
const lock = (await read('package-lock.json')) as { packages: Record<string, Entry> }

test('the lockfile has an entry for every platform’s packages, or `npm ci` refuses it there', () => {
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => {
      const places = [`node_modules/${name}`, `${path}/node_modules/${name}`]
      return !places.some((place) => place in lock.packages)
    }),
  )
  expect(missing).toEqual([])
})

test.each(['package.json', 'client/package.json'])('every dependency of %s is pinned to one version', async (name) => {
  const { dependencies, devDependencies, optionalDependencies } = await read(name)
  for (const version of Object.values({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  }
})

test('no package that reports its installation is installed', () => {
  const { name } = (lock.packages['node_modules/@scarf/scarf'] ?? {}) as { name?: string }
  expect(name).toBe('empty-npm-package')
})
