import { parseEnv } from 'node:util'
import { environment } from '../../core/platform/config/load.ts'

/**
 * The environment with what `.env` adds to it; what is exported wins, an empty line in `.env` means nothing.
 *
 * @param dotenv the text of `.env`
 */
export function localEnvironment(dotenv: string): Record<string, string | undefined> {
  const given = Object.entries(parseEnv(dotenv)).filter(([, value]) => value !== '')
  return { ...Object.fromEntries(given), ...environment() }
}
