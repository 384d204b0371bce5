import { execFile } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { npmEnvironment } from '../../../dev/boot/prepare.mjs'
import { sharedByFiles } from '../shared.ts'

const root = join(import.meta.dirname, '../../..')
const run = promisify(execFile)

/** An otherwise empty project in which the client was installed from its tarball. */
export interface PackedProject {
  readonly folder: string
  /** Of the client's package there. */
  readonly packageFolder: string
  /** The files of the tarball. */
  readonly files: readonly string[]
  remove(): Promise<void>
}

/** Packs the client as a release does. What it depends on is linked, not fetched: nothing leaves this machine. */
export async function installPacked(): Promise<PackedProject> {
  const folder = await mkdtemp(join(tmpdir(), 'client-project-'))
  const { tarball, files } = await sharedByFiles('client-package', pack)
  const packageFolder = join(folder, 'node_modules/vision-pipeline-client')
  await mkdir(packageFolder, { recursive: true })
  await run('tar', ['-xzf', tarball, '-C', packageFolder, '--strip-components=1'])
  const { dependencies } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    const places = [join(root, 'client/node_modules', name), join(root, 'node_modules', name)]
    const place = places.find((path) => existsSync(path))
    if (place === undefined) throw new Error(`${name} is not installed`)
    await symlink(realpathSync(place), join(folder, 'node_modules', name))
  }
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  return {
    folder,
    packageFolder,
    files,
    remove: () => rm(folder, { recursive: true }),
  }
}

async function pack(folder: string): Promise<{ tarball: string; files: string[] }> {
  const npm = ['pack', '--workspace', 'client', '--pack-destination', folder, '--json', '--offline', '--loglevel=error']
  const env = { ...npmEnvironment(), PATH: `${dirname(process.execPath)}${delimiter}${npmEnvironment().PATH}` }
  const { stdout } = await run('npm', npm, { cwd: root, env })
  // What the build says comes before.
  const packed: Packed | Record<string, Packed> = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))
  const [tarball] = Object.values(packed) as Packed[]
  if (tarball === undefined) throw new Error(`npm pack said ${stdout}`)
  return { tarball: join(folder, tarball.filename), files: tarball.files.map(({ path }) => path) }
}

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

/** A Node.js of this major version on PATH, where there is one. */
export async function nodeOf(major: number): Promise<string | undefined> {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    const node = join(directory, 'node')
    if (!existsSync(node)) continue
    const { stdout } = await run(node, ['--version']).catch(() => ({ stdout: '' }))
    if (stdout.startsWith(`v${major}.`)) return node
  }
  return undefined
}
