import { createHash } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const built = join(root, 'node_modules/.cache/console')
/** What the pages are made of. */
const sources = [
  'console',
  'samples',
  'client/src',
  'core/domain/errors.ts',
  'core/pipeline/palette-match.ts',
  'core/pipeline/ciede2000.ts',
  'package-lock.json',
]
/** How many builds are kept: another checkout's branch may want its own again. */
const kept = 3

let underWay: Promise<string> | undefined

/**
 * The folder of the console's built files. Builds them if the sources have changed since: it takes a second or two.
 *
 * @throws what Vite says of the sources
 */
export function buildConsole(): Promise<string> {
  underWay ??= build().finally(() => {
    underWay = undefined
  })
  return underWay
}

async function build(): Promise<string> {
  const folder = join(built, await stampOf(sources))
  if (await exists(join(folder, 'index.html'))) return folder
  await mkdir(built, { recursive: true })
  // Under a name of its own, so that of two processes that build at once neither sees half of it.
  const unfinished = join(built, `unfinished-${process.pid}`)
  const [vite, { default: config }] = await Promise.all([import('vite'), import('../../console/vite.config.ts')])
  await vite.build({ ...config, configFile: false, build: { ...config.build, outDir: unfinished, emptyOutDir: true } })
  await rename(unfinished, folder).catch(async (error: unknown) => {
    // The other one was faster.
    await rm(unfinished, { recursive: true, force: true })
    if (!(await exists(join(folder, 'index.html')))) throw error
  })
  await removeOld(folder)
  return folder
}

/** A hash of all that these files and folders hold. */
async function stampOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const path of paths) {
    const at = join(root, path)
    const entries = await readdir(at, { recursive: true, withFileTypes: true }).catch(() => undefined)
    const files = entries?.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)) ?? [at]
    for (const file of files.sort()) hash.update(`${file.slice(root.length)}\0`).update(await readFile(file))
  }
  return hash.digest('hex').slice(0, 16)
}

async function removeOld(newest: string): Promise<void> {
  const builds = (await readdir(built)).filter((name) => /^[0-9a-f]{16}$/.test(name)).map((name) => join(built, name))
  const others = builds.filter((folder) => folder !== newest)
  for (const folder of others.slice(0, Math.max(0, others.length - kept + 1))) {
    await rm(folder, { recursive: true, force: true })
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
