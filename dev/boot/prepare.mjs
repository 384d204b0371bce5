// Makes a fresh checkout runnable: the dependencies installed, a recent enough Node.js at hand. Plain JavaScript
// for Node 18 and later, without dependencies, because it runs before there are any.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runChild } from './child.mjs'

export const projectFolder = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const modulesFolder = join(projectFolder, 'node_modules')
const binFolder = join(modulesFolder, '.bin')
const stampFile = join(modulesFolder, '.vision-pipeline')
/** Options of the project's Node.js that make its programs start in half the time. */
export const quickImports = ['--import', new URL('./quick-imports.mjs', import.meta.url).href]
// Lambda's runtime, and the first that runs TypeScript files as they are.
const wantedMajor = 24

/** The project cannot run here yet; the message says what to do and is meant for the person at the terminal. */
export class PrepareError extends Error {
  name = 'PrepareError'
}

/**
 * Installs the dependencies where they are missing or differ from package-lock.json, and finds a Node.js to run the
 * project on. Takes a few milliseconds when nothing is to do.
 *
 * @returns {Promise<string>} absolute path of a Node.js of version 24 or later
 * @throws {PrepareError} npm failed (with its output), or there is no recent enough Node.js
 */
export async function prepare() {
  const lockfile = readFileSync(join(projectFolder, 'package-lock.json'))
  const stamp = createHash('sha256').update(lockfile).digest('hex')
  if (readText(stampFile)?.trim() !== stamp) {
    if (!isInstalled(JSON.parse(lockfile.toString()))) await install()
    writeStamp(stamp)
  }
  return findNode()
}

/**
 * The environment in which the project's commands run: its own binaries first, then the given Node.js, which keeps what it has
 * compiled beside the dependencies and so starts in three quarters of the time.
 *
 * @param {string} node path of the Node.js that `node` shall mean
 */
export function projectEnvironment(node) {
  const inherited = process.env.PATH ?? ''
  return {
    NODE_COMPILE_CACHE: join(modulesFolder, '.cache', 'node'),
    ...process.env,
    PATH: [...new Set([binFolder, dirname(node)])].join(delimiter) + delimiter + inherited,
  }
}

// Whether someone already ran `npm ci` or `npm install`: npm notes what it placed in a lockfile of its own, which
// lacks only optional packages that are not for this machine.
function isInstalled(lockfile) {
  const noted = readText(join(modulesFolder, '.package-lock.json'))
  if (!noted) return false
  const placed = JSON.parse(noted).packages
  const wanted = Object.entries(lockfile.packages).filter(([path]) => path !== '')
  const wantedPaths = new Set(wanted.map(([path]) => path))
  return (
    Object.keys(placed).every((path) => wantedPaths.has(path)) &&
    wanted.every(([path, { version, integrity, optional, devOptional }]) => {
      const there = placed[path]
      return there ? there.version === version && there.integrity === integrity : Boolean(optional || devOptional)
    })
  )
}

async function install() {
  process.stderr.write('installing dependencies …\n')
  // NODE_ENV=production makes npm leave out the development dependencies, which the local stack is made of.
  const args = ['ci', '--no-audit', '--no-fund', '--include=dev', '--include=optional', '--loglevel=error']
  const output = []
  const end = await runChild('npm', args, {
    env: npmEnvironment(),
    cwd: projectFolder,
    stdio: ['ignore', 'pipe', 'pipe'],
    killAfterMs: 4_000,
    onStart: (child) => {
      child.stdout.on('data', (chunk) => output.push(chunk))
      child.stderr.on('data', (chunk) => output.push(chunk))
    },
  }).catch((error) => {
    throw new PrepareError(
      error.code === 'ENOENT'
        ? 'npm was not found on PATH. Install Node.js with npm, then run this again.'
        : `npm could not be started: ${error.message}`,
    )
  })
  if (end.stoppedBy) throw new PrepareError('Stopped while installing dependencies; run this again to finish.')
  if (end.code !== 0) {
    const text = Buffer.concat(output).toString().trim()
    throw new PrepareError(`Installing dependencies failed. npm ${args.join(' ')} said:\n\n${text}\n`)
  }
}

/**
 * The environment for an npm that this process starts. We usually run under npm ourselves: its notes for us would mislead the
 * inner npm (as if it ran inside that script, globally, as a dry run, …), and node_modules/.bin may hold the very Node.js that
 * `npm ci` is about to replace.
 *
 * @returns {NodeJS.ProcessEnv}
 */
export function npmEnvironment() {
  const misleading =
    /^(init_cwd|npm_(lifecycle|package|command|execpath|node_execpath).*|npm_config_(global|global_prefix|local_prefix|prefix|location|dry_run|package_lock_only|workspaces?|include_workspace_root))$/i
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !misleading.test(name)))
  const folders = (env.PATH ?? '').split(delimiter)
  env.PATH = folders.filter((folder) => !/[\\/]node_modules[\\/]\.bin$|node-gyp-bin$/.test(folder)).join(delimiter)
  return env
}

function findNode() {
  const installed = join(binFolder, 'node')
  if (existsSync(installed)) {
    // Under npm the installed one usually is the one that runs this.
    if (realpathSync(installed) === realpathSync(process.execPath)) return installed
    if (majorVersion(installed) >= wantedMajor) return installed
  }
  if (Number(process.versions.node.split('.', 1)[0]) >= wantedMajor) return process.execPath
  throw new PrepareError(
    `Node.js ${wantedMajor} or later is needed; this is ${process.version}, and the one that comes with the ` +
      `dependencies does not run on ${process.platform}-${process.arch}. ` +
      `Install Node.js ${wantedMajor}, then run this again.`,
  )
}

function majorVersion(node) {
  try {
    const version = execFileSync(node, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return Number(/^v(\d+)\./.exec(version)?.[1] ?? 0)
  } catch {
    return 0 // for another processor or another C library
  }
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

// By rename: whoever reads it meanwhile finds the one before or this one, whole.
function writeStamp(stamp) {
  const unfinished = `${stampFile}.${process.pid}`
  try {
    writeFileSync(unfinished, `${stamp}\n`)
    renameSync(unfinished, stampFile)
  } catch (error) {
    // Someone else installed this checkout. The stamp only saves time.
    if (error.code !== 'EACCES' && error.code !== 'EROFS') throw error
  }
}
