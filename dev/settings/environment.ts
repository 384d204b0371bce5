import { parseEnv } from 'node:util'
import { environment } from '../../core/platform/config/load.ts'

/**
 * The environment with the additions of `.env`; exported variables win, an empty value in `.env` counts as missing.
 *
 * @param dotenv the text of `.env`
 */
export function localEnvironment(dotenv: string): Record<string, string | undefined> {
  const given = Object.entries(parseEnv(dotenv)).filter(([, value]) => value !== '')
  return { ...Object.fromEntries(given), ...environment() }
}
