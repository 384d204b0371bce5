import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import pc from 'picocolors'
import { createVisionClient, type VisionClient } from '../index.ts'

/** A usage error: its message says what to change. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The address and the key of an API. */
export interface Access {
  readonly url?: string | undefined
  readonly key?: string | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/** The surroundings of the command: its process, or a test's streams. */
export interface Terminal {
  readonly env: Environment
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean }
  /** The exit code; 0 unless an action sets another. */
  exitCode: number
}

/** `vision login` writes it: for its owner alone, since it holds a key. */
function accessFile(env: Environment): string {
  const folder = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config')
  return join(folder, 'vision-pipeline', 'access.json')
}

/** The access in VISION_URL and VISION_KEY, or else in the file of `vision login`; with neither, the local stack. */
async function readAccess(env: Environment): Promise<Access> {
  const { VISION_URL: url, VISION_KEY: key } = env
  if (url || key) return { url: url || undefined, key: key || undefined }
  const file = accessFile(env)
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}'
    throw new UsageError(`${file} cannot be read: ${error.message}`)
  })
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`${file} is not a file of vision login. Run vision login again.`)
  }
}

export async function writeAccess(access: Access, env: Environment): Promise<string> {
  const file = accessFile(env)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(file, `${JSON.stringify(access)}\n`, { mode: 0o600 })
  // The mode above applies to a new file only.
  await chmod(file, 0o600)
  return file
}

export async function openClient({ env }: Terminal): Promise<VisionClient> {
  return createVisionClient(await readAccess(env))
}

/** Colours on a terminal, or where FORCE_COLOR asks for them: https://no-color.org */
export function coloursOf({ env, stdout }: Terminal): ReturnType<typeof pc.createColors> {
  const isShown = stdout.isTTY === true && env.TERM !== 'dumb'
  return pc.createColors(!env.NO_COLOR && (Boolean(env.FORCE_COLOR) || isShown))
}

/** Lines for people, or with `--json` one value for programs. */
export function print({ stdout }: Terminal, value: unknown, json: boolean, lines: () => readonly string[]): void {
  stdout.write(
    json
      ? `${JSON.stringify(value, null, 2)}\n`
      : lines()
          .map((line) => `${line}\n`)
          .join(''),
  )
}

/** Columns under each other, as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string[] {
  const cells = [head, ...rows.map((row) => row.map((cell) => printable(cell)))]
  const widths = head.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)))
  return cells.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Text of a model or a user, without the control characters that a terminal would obey. */
export function printable(value: unknown): string {
  const text =
    value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
}

/** A whole number from the command line. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${text} is not a whole number.`)
  return Number(text)
}

export function dollars(amount: number | null | undefined): string {
  return amount === null || amount === undefined ? 'unknown' : `$${amount.toFixed(amount < 1 ? 4 : 2)}`
}
