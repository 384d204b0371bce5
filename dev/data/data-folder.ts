import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from '../errors/start-error.ts'
import { processIdentity } from './process-identity.ts'

/** The folder a local stack keeps everything in, held by this process alone until `release()`. */
export type DataFolder = {
  /** absolute */
  readonly path: string
  /** whether the process that held it last died without releasing it */
  readonly abandoned: boolean
  /**
   * A random secret that stays the same for the life of the folder, in base64url; made on first use.
   *
   * @param name lower-case letters, digits and dashes
   * @param bytes of randomness
   * @throws {StartError} the file does not hold such a secret
   */
  secret(name: string, bytes: number): Promise<string>
  /** Lets another copy have the folder. Does nothing the second time. */
  release(): Promise<void>
}

const claimName = /^lock\.(\d+)\.([0-9a-f]{16})$/

/**
 * Opens the folder, creating it (mode 0700), and locks it. A new one hides itself from git: it will hold secrets.
 *
 * The lock is a file named after the process that holds it, its pid and start time together. A process
 * first writes its own lock file and then looks for others, so of two that start at once at least the later sees the
 * earlier. The name of a dead process is never given again, which makes it safe to remove whenever it is found.
 *
 * @throws {StartError} another copy has it, or it cannot be created or written
 */
export async function openDataFolder(path: string): Promise<DataFolder> {
  const folder = resolve(path)
  const claim = join(folder, claimOf(process.pid))
  let abandoned: boolean
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    // What is there already may be a project, whose files are its own to ignore.
    if ((await readdir(folder)).length === 0) await writeFile(join(folder, '.gitignore'), '*\n')
    abandoned = await lock(folder, claim)
  } catch (error) {
    throw explain(error, folder)
  }

  const secrets = new Map<string, Promise<string>>()
  return {
    path: folder,
    abandoned,
    secret(name, bytes) {
      if (!/^[a-z0-9-]+$/.test(name)) throw new RangeError(`not a name for a secret: '${name}'`)
      const known = secrets.get(name)
      if (known) return known
      const secret = readOrCreateSecret(join(folder, 'secrets'), name, bytes)
      secrets.set(name, secret)
      return secret
    },
    release: () => rm(claim, { force: true }),
  }
}

function claimOf(pid: number): string {
  const identity = processIdentity(pid) ?? ''
  return `lock.${pid}.${createHash('sha256').update(identity).digest('hex').slice(0, 16)}`
}

/** @returns whether a dead process had left its claim */
async function lock(folder: string, claim: string): Promise<boolean> {
  let abandoned = false
  for (let attempt = 1; ; attempt++) {
    await writeFile(claim, `held by process ${process.pid} since ${new Date().toISOString()}\n`, {
      flag: 'wx',
      mode: 0o600,
    })
    const { holder, dead } = await findOthers(folder, claim)
    abandoned ||= dead
    if (!holder) return abandoned
    await rm(claim, { force: true })
    // Two that came at once have seen each other and both step back; one that stays for good is seen each time.
    if (attempt === 4) throw new FolderInUse(folder, holder)
    await sleep(20 + Math.random() * 100)
  }
}

/** The live process that claims the folder too, if any. The claims of dead ones are removed on the way. */
async function findOthers(folder: string, claim: string): Promise<{ holder?: number; dead: boolean }> {
  let dead = false
  for (const name of await readdir(folder)) {
    const pid = Number(claimName.exec(name)?.[1])
    if (!pid || join(folder, name) === claim) continue
    if (claimOf(pid) === name) return { holder: pid, dead }
    dead = true
    await rm(join(folder, name), { force: true })
  }
  return { dead }
}

/**
 * Refuses a folder that is not the data folder of a local stack: a command that reads one must not create another because a
 * name was mistyped.
 *
 * @param path absolute
 * @param holds what it must hold, as a name in it: `database` or `secrets`; a folder that a stack runs in holds all of it
 * @param settings what names the folder, for the error
 * @throws {StartError} naming the folder and the settings
 */
export async function requireDataFolder(path: string, holds: string, settings: string): Promise<void> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw explain(error, path)
  })
  if (names?.some((name) => name === holds || claimName.test(name))) return
  const lack = names === undefined ? 'There is no data folder' : 'This is not a data folder:'
  throw new StartError(`${lack} ${path}. Correct ${settings}, or make it with npm start.`)
}

/** Another copy has the folder. */
export class FolderInUse extends StartError {
  readonly pid: number

  constructor(folder: string, pid: number) {
    super(
      `The data folder ${folder} is in use by process ${pid}, another copy of Vision Pipeline. ` +
        'Stop that one, or give this one a folder and a port of its own: DATA_DIR=.data-2 PORT=3001 npm start',
    )
    this.pid = pid
  }
}

function explain(error: unknown, folder: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EEXIST') {
    // mkdir says the same of a file that is in the way.
    const { path } = error as NodeJS.ErrnoException
    return path && claimName.test(path.slice(path.lastIndexOf('/') + 1))
      ? new FolderInUse(folder, process.pid)
      : new StartError(`${folder} is a file, not a folder. Set DATA_DIR to another place.`)
  }
  if (code === 'ENOTDIR') return new StartError(`${folder} lies inside a file. Set DATA_DIR to another place.`)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new StartError(
      `This user may not write to the data folder ${folder} (${code}). ` +
        'Set DATA_DIR to a folder of your own, or give this one to your user.',
    )
  }
  return error
}

async function readOrCreateSecret(folder: string, name: string, bytes: number): Promise<string> {
  const file = join(folder, name)
  let secret: string
  try {
    secret = (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    secret = randomBytes(bytes).toString('base64url')
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await writeWhole(file, `${secret}\n`)
  }
  if (!/^[A-Za-z0-9_-]+$/.test(secret) || Buffer.from(secret, 'base64url').length !== bytes) {
    throw new StartError(`${file} does not hold a secret of ${bytes} bytes. Remove that file to have a new one made.`)
  }
  return secret
}

// Under its name there is either nothing or the whole text, whenever the power goes.
async function writeWhole(file: string, text: string): Promise<void> {
  const unfinished = `${file}.new`
  await rm(unfinished, { force: true })
  const handle = await open(unfinished, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(unfinished, file)
}
