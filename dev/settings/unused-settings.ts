import { configKeys } from '../../core/platform/config/keys.ts'
import { keyOf } from '../../core/platform/config/providers.ts'
import { providerNames } from '../../core/providers/registry.ts'

const known = new Set([...configKeys, 'PORT', 'DATA_DIR'])
/** Settings that say nothing without another; where the stack emulates a part, it sets those of that part itself. */
const needs = {
  S3_ENDPOINT: 'BUCKET_NAME',
  S3_ACCESS_KEY_ID: 'BUCKET_NAME',
  S3_SECRET_ACCESS_KEY: 'BUCKET_NAME',
  CONSOLE_SCOPES: 'CONSOLE_CLIENT_ID',
  CONSOLE_TOKEN_ORIGIN: 'CONSOLE_CLIENT_ID',
  ...Object.fromEntries(providerNames.map((name) => [keyOf(name, 'BASE_URL'), keyOf(name, 'API_KEY')])),
}

// As node:util's parseEnv reads them: a quoted value may go on over several lines.
const nothing = /[^\S\n]*(?:#[^\n]*)?(?:\n|$)/y
const assignment = /[^\S\n]*(?:export[^\S\n]+)?([^\s=#]+)[^\S\n]*=[^\S\n]*(?:"[^"]*"|'[^']*'|`[^`]*`)?[^\n]*(?:\n|$)/y
const anyLine = /[^\n]*(?:\n|$)/y

/**
 * Finds the settings that have no effect: lines of `.env` that set no key, unknown keys, and keys that need another one.
 * Keys are named, values never; a line that may be a value is given by its number.
 *
 * @param dotenv the text of `.env`
 * @param env the environment with what `.env` adds
 * @returns one sentence each
 */
export function unusedSettings(dotenv: string, env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const found: string[] = []
  for (let at = 0; at < dotenv.length; ) {
    const match = (pattern: RegExp) => {
      pattern.lastIndex = at
      return pattern.exec(dotenv)
    }
    const blank = match(nothing)
    const set = blank ? null : match(assignment)
    const key = set?.[1]
    if (!blank && (key === undefined || !known.has(key))) {
      const line = dotenv.slice(0, at).split('\n').length
      found.push(
        // Base64 ends in `=` and would pass for a key.
        key !== undefined && /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test(key)
          ? `.env, line ${line}: ${key.startsWith('DEPLOY_') ? 'only a deployment reads' : 'there is no setting'} ${key}. See .env.example.`
          : `.env, line ${line}: not a setting. A line reads KEY=value; .env.example lists the keys.`,
      )
    }
    at += (blank ?? set ?? match(anyLine))?.[0].length ?? 1
  }
  for (const [key, other] of Object.entries(needs)) {
    if (env[key] && !env[other]) found.push(`${key} has no effect without ${other}.`)
  }
  return found
}
