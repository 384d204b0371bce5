import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { environment } from '../core/config.ts'

const dotenv = fileURLToPath(new URL('../.env', import.meta.url))

/** The environment with what `.env` adds to it; what is exported wins, an empty line in `.env` means nothing. */
export async function localEnvironment(): Promise<Record<string, string | undefined>> {
  const text = await readFile(dotenv, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const given = Object.entries(parseEnv(text)).filter(([, value]) => value !== '')
  return { ...Object.fromEntries(given), ...environment() }
}
